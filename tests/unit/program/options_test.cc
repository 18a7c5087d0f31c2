// Values, errors and texts of single options; option_layers_test.cc has where they come from.
#include "deploy/program/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "deploy/program/suggest.h"
#include "deploy/program/version.h"
#include "tests/unit/program/scratch_folder.h"

namespace carillon::program {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

enum class Home { kLmdb, kNats };

struct Targets {
  bool fast = false;
  std::string title = "untitled";
  std::string password;
  int workers = 4;
  uint32_t bytes = 1 << 20;
  absl::Duration idle = absl::Minutes(10);
  std::string mode = "safe";
  Home home = Home::kLmdb;
  Endpoint listen{"127.0.0.1", 8093};
  Endpoint metrics;
  std::string certificate;
  std::vector<std::string> origins;
};

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() {
    options_.Group("Network");
    options_.AddEndpoint("listen", &t_.listen, "address of the server");
    options_.AddEndpoint("metrics", &t_.metrics, "address of the metrics").AllowEmpty();
    options_.AddFile("tls-cert", &t_.certificate, "PEM file with the certificate");
    options_.AddList("origin", &t_.origins, "origin that may connect");
    options_.AddDuration("idle", &t_.idle, "silence that ends a connection", absl::Seconds(1),
                         absl::Hours(24));
    options_.Group("Work");
    options_.AddFlag("fast", &t_.fast, "do not wait");
    options_.AddString("title", &t_.title, "what it is called");
    options_.AddString("password", &t_.password, "what opens it").Secret();
    options_.AddInt("workers", &t_.workers, "threads", 1, 64);
    options_.AddBytes("bytes", &t_.bytes, "largest event", 1024, 64 << 20);
    options_.AddWord("mode", &t_.mode, "how to do it", {"safe", "quick"});
    options_.AddEnum("home", &t_.home, "where the log lives",
                     {{"lmdb", Home::kLmdb}, {"nats", Home::kNats}});
  }

  std::vector<std::string> Errors(const std::vector<std::string>& arguments) {
    return options_.Load(arguments, {}).errors;
  }

  Targets t_;
  OptionSet options_{{.name = "carillon-test", .summary = "A test.", .libraries = {"One 1.0"}}};
};

TEST_F(OptionsTest, KeepDefaultsWithoutAnyLayer) {
  EXPECT_THAT(Errors({}), IsEmpty());
  EXPECT_EQ(t_.workers, 4);
  EXPECT_EQ(t_.title, "untitled");
  EXPECT_EQ(t_.listen.ToString(), "127.0.0.1:8093");
}

TEST_F(OptionsTest, TakeEveryTypeFromFlags) {
  const ScratchFolder folder;
  const std::string certificate = folder.Write("cert.pem", "PEM");
  EXPECT_THAT(Errors({"--listen",   "[::1]:0",        "--metrics=localhost:9464",
                      "--tls-cert", certificate,      "--origin",
                      "a",          "--origin=b",     "--idle",
                      "90s",        "--fast",         "--title",
                      "two words",  "--password=p=w", "--workers",
                      "64",         "--bytes=64KiB",  "--mode",
                      "quick",      "--home",         "nats"}),
              IsEmpty());
  EXPECT_EQ(t_.listen, (Endpoint{"::1", 0}));
  EXPECT_EQ(t_.metrics, (Endpoint{"localhost", 9464}));
  EXPECT_EQ(t_.certificate, certificate);
  EXPECT_THAT(t_.origins, ElementsAre("a", "b"));
  EXPECT_EQ(t_.idle, absl::Seconds(90));
  EXPECT_TRUE(t_.fast);
  EXPECT_EQ(t_.title, "two words");
  EXPECT_EQ(t_.password, "p=w");
  EXPECT_EQ(t_.workers, 64);
  EXPECT_EQ(t_.bytes, 65536u);
  EXPECT_EQ(t_.mode, "quick");
  EXPECT_EQ(t_.home, Home::kNats);
}

TEST_F(OptionsTest, TheLastOfRepeatedFlagsCounts) {
  EXPECT_THAT(Errors({"--workers", "2", "--workers", "3"}), IsEmpty());
  EXPECT_EQ(t_.workers, 3);
}

TEST_F(OptionsTest, AFlagCanBeTurnedOff) {
  t_.fast = true;
  EXPECT_THAT(Errors({"--fast=false"}), IsEmpty());
  EXPECT_FALSE(t_.fast);
}

TEST_F(OptionsTest, ItemsOfAListAreWithoutSpacesAndNeverEmpty) {
  EXPECT_THAT(options_.Load({}, {{"CARILLON_ORIGIN", "https://a, https://b,"}}).errors, IsEmpty());
  EXPECT_THAT(t_.origins, ElementsAre("https://a", "https://b"));
}

TEST_F(OptionsTest, AnEmptyItemIsNone) {
  EXPECT_THAT(Errors({"--origin="}), IsEmpty());
  EXPECT_THAT(t_.origins, IsEmpty());
}

TEST_F(OptionsTest, AnEmptyValueIsNotTheNextArgument) {
  t_.metrics = {"localhost", 9464};
  EXPECT_THAT(Errors({"--metrics=", "--title", "", "--workers", "2"}), IsEmpty());
  EXPECT_TRUE(t_.metrics.empty());
  EXPECT_EQ(t_.title, "");
  EXPECT_EQ(t_.workers, 2);
}

TEST_F(OptionsTest, AllErrorsAreReportedAtOnce) {
  EXPECT_THAT(
      Errors({"--listen", "8093", "--tls-cert", "/nowhere/cert.pem", "--workers", "65", "--bytes",
              "1", "--idle", "5", "--mode", "slow", "--home", "sqlite", "--fast=maybe", "--wrokers",
              "3", "stray", "--title"}),
      testing::UnorderedElementsAre(
          "--title: needs a value", "--wrokers: no such option: did you mean --workers?",
          "\"stray\": not expected here",
          "--listen: \"8093\" is not HOST:PORT, such as 127.0.0.1:8093 or [::1]:8093",
          "--tls-cert: cannot open /nowhere/cert.pem: No such file or directory",
          "--idle: \"5\" is not a duration with a unit, such as 100ms, 5s, 10m or 7d",
          "--fast: \"maybe\" is neither true nor false",
          "--workers: \"65\" is not in the range 1 to 64",
          "--bytes: \"1\" is not in the range 1KiB to 64MiB",
          "--mode: \"slow\" is none of safe, quick", "--home: \"sqlite\" is none of lmdb, nats"));
}

TEST_F(OptionsTest, AFolderIsNotAFile) {
  EXPECT_THAT(Errors({"--tls-cert", "/tmp"}),
              ElementsAre("--tls-cert: /tmp is not a regular file"));
}

TEST_F(OptionsTest, NumbersAreWholeAndInRange) {
  for (const char* text : {"", "x", "1.5", "0", "-1", "99999999999999999999"}) {
    Targets targets;
    OptionSet options({.name = "t", .summary = ""});
    options.AddInt("workers", &targets.workers, "threads", 1, 64);
    EXPECT_THAT(options.Load({std::string("--workers=") + text}, {}).errors, SizeIs(1)) << text;
    EXPECT_EQ(targets.workers, 4);
  }
}

TEST_F(OptionsTest, ARequiredOptionMustNotBeEmpty) {
  std::string data;
  options_.AddString("data", &data, "folder").Required();
  EXPECT_THAT(Errors({}), ElementsAre("--data: must be set, here, in the file of --config, or as "
                                      "CARILLON_DATA"));
}

TEST_F(OptionsTest, ConditionsRunOnceTheirOptionsAreSound) {
  options_.Check({"workers", "fast"}, [this] {
    return t_.fast && t_.workers > 8 ? absl::InvalidArgumentError("--fast: at most 8 --workers")
                                     : absl::OkStatus();
  });
  options_.Check({"workers"}, [] { return absl::InvalidArgumentError("a consequence"); });
  EXPECT_THAT(Errors({"--fast", "--workers", "9"}), ElementsAre("--fast: at most 8 --workers"));
}

TEST_F(OptionsTest, ConditionsOnABadValueAreLeftOut) {
  options_.Check({"workers"}, [] { return absl::InvalidArgumentError("a consequence"); });
  options_.Check({"title"}, [] { return absl::InvalidArgumentError("the title is bad"); });
  EXPECT_THAT(Errors({"--workers", "0"}),
              ElementsAre("--workers: \"0\" is not in the range 1 to 64", "the title is bad"));
}

TEST_F(OptionsTest, AnErrorIsOneLine) {
  EXPECT_THAT(Errors({"--tls-cert", "/no\nwhere"}),
              ElementsAre("--tls-cert: cannot open /no where: No such file or directory"));
}

TEST_F(OptionsTest, WhatStandsBehindAnUnknownFlagIsNotRepeated) {
  EXPECT_THAT(Errors({"--pasword=hunter2"}),
              ElementsAre("--pasword: no such option: did you mean --password?"));
}

TEST_F(OptionsTest, DumpMasksSecretsAndNamesTheSource) {
  ASSERT_THAT(Errors({"--password", "hunter2", "--workers=8"}), IsEmpty());
  const std::vector<std::string> dump = options_.Dump();
  EXPECT_THAT(dump, testing::Contains("password=*** (--password)"));
  EXPECT_THAT(dump, testing::Contains("workers=8 (--workers)"));
  EXPECT_THAT(dump, testing::Contains("bytes=1MiB"));
}

TEST_F(OptionsTest, HelpHasGroupsRangesDefaultsAndVariables) {
  t_.password = "hunter2";
  const std::optional<std::string> help = options_.Load({"--help", "--nonsense"}, {}).print;
  ASSERT_TRUE(help.has_value());
  EXPECT_THAT(*help, HasSubstr("\nNetwork:\n  --listen HOST:PORT "));
  EXPECT_THAT(*help, HasSubstr("\nWork:\n  --fast "));
  EXPECT_THAT(*help, HasSubstr("threads (1 to 64, default 4) [CARILLON_WORKERS]"));
  EXPECT_THAT(*help, HasSubstr("largest event (1KiB to 64MiB, default 1MiB) [CARILLON_BYTES]"));
  EXPECT_THAT(*help, HasSubstr("--mode safe|quick"));
  EXPECT_THAT(*help, HasSubstr("--config FILE"));
  EXPECT_THAT(*help, Not(HasSubstr("hunter2")));
}

TEST_F(OptionsTest, HelpFitsIn100Columns) {
  std::string text;
  options_.AddString("a-name-that-is-longer-than-its-column", &text,
                     "a help text that is so long that it has to be broken into several lines, as "
                     "it would otherwise leave the screen of a terminal on its right side");
  for (absl::string_view line : absl::StrSplit(options_.Help(), '\n')) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST_F(OptionsTest, VersionNamesProgramAndLibraries) {
  EXPECT_EQ(options_.Load({"--version"}, {}).print,
            "carillon-test " + std::string(Version()) + "\nOne 1.0\n");
}

TEST_F(OptionsTest, CheckPrintsTheConfiguration) {
  EXPECT_THAT(options_.Load({"--check", "--workers=3"}, {}).print.value_or(""),
              HasSubstr("the configuration is valid\n"));
}

TEST_F(OptionsTest, CheckFailsIfTheConfigurationIsWrong) {
  const LoadResult result = options_.Load({"--check", "--workers=0"}, {});
  EXPECT_FALSE(result.print.has_value());
  EXPECT_THAT(result.errors, SizeIs(1));
}

TEST_F(OptionsTest, MainEndsWithCode2AndOneLineForEachError) {
  const char* arguments[] = {"carillon-test", "--workers=0", "--bytes=0"};
  testing::internal::CaptureStderr();
  EXPECT_EQ(options_.LoadMain(3, const_cast<char**>(arguments)), 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "carillon-test: --workers: \"0\" is not in the range 1 to 64\n"
            "carillon-test: --bytes: \"0\" is not in the range 1KiB to 64MiB\n");
}

TEST_F(OptionsTest, MainEndsWithSuccessAfterHelp) {
  const char* arguments[] = {"carillon-test", "-h"};
  testing::internal::CaptureStdout();
  EXPECT_EQ(options_.LoadMain(2, const_cast<char**>(arguments)), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("Usage: carillon-test"));
}

TEST_F(OptionsTest, MainGoesOnWithAGoodConfiguration) {
  const char* arguments[] = {"carillon-test", "--workers=2"};
  EXPECT_EQ(options_.LoadMain(2, const_cast<char**>(arguments)), std::nullopt);
}

TEST(SuggestTest, FindsWordsOneSlipAway) {
  const std::vector<std::string> words = {"listen", "log-level", "log-format", "tls-cert"};
  EXPECT_EQ(ClosestWord("lisen", words), "listen");
  EXPECT_EQ(ClosestWord("listne", words), "listen");
  EXPECT_EQ(ClosestWord("tls-crt", words), "tls-cert");
  EXPECT_EQ(ClosestWord("cert", words), "tls-cert");
  EXPECT_EQ(ClosestWord("log", words), "log-level");
  EXPECT_EQ(ClosestWord("workers", words), "");
  EXPECT_EQ(ClosestWord("", words), "");
  EXPECT_EQ(ClosestWord(std::string(10'000, 'x'), words), "");
}

TEST(SuggestTest, CountsSlips) {
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("abc", "abc"), 0);
  EXPECT_EQ(EditDistance("abc", "acb"), 1);
  EXPECT_EQ(EditDistance("abc", "xbcd"), 2);
}

}  // namespace
}  // namespace carillon::program
