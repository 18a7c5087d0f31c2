// Where the values of options come from, and which source is stronger.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "deploy/program/options.h"
#include "tests/unit/program/scratch_folder.h"

namespace carillon::program {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class OptionLayersTest : public testing::Test {
 protected:
  OptionLayersTest() {
    options_.AddInt("workers", &workers_, "threads", 1, 64);
    options_.AddString("tls-cert", &certificate_, "certificate");
    options_.AddFlag("fast", &fast_, "do not wait");
    options_.AddEndpoint("metrics", &metrics_, "address").AllowEmpty();
    options_.AddDuration("idle", &idle_, "silence");
    options_.AddList("origin", &origins_, "origin that may connect");
    options_.AddString("password", &password_, "password").Secret();
  }

  // Errors of a run with this TOML file, called "config.toml" in them.
  std::vector<std::string> ErrorsOfToml(const std::string& text) {
    const std::string path = folder_.Write("config.toml", text);
    std::vector<std::string> errors = options_.Load({"--config", path}, {}).errors;
    for (std::string& error : errors) {
      if (const size_t at = error.find(path); at != std::string::npos) {
        error.replace(at, path.size(), "config.toml");
      }
    }
    return errors;
  }

  ScratchFolder folder_;
  int64_t workers_ = 4;
  std::string certificate_;
  bool fast_ = false;
  Endpoint metrics_{"127.0.0.1", 9464};
  absl::Duration idle_ = absl::Seconds(5);
  std::vector<std::string> origins_;
  std::string password_;
  OptionSet options_{{.name = "carillon-test", .summary = "A test."}};
};

TEST_F(OptionLayersTest, AFlagIsStrongerThanTheFile) {
  const std::string path = folder_.Write("c.toml", "workers = 2");
  EXPECT_THAT(
      options_.Load({"--config", path, "--workers", "3"}, {{"CARILLON_WORKERS", "1"}}).errors,
      IsEmpty());
  EXPECT_EQ(workers_, 3);
}

TEST_F(OptionLayersTest, TheFileIsStrongerThanTheEnvironment) {
  const std::string path = folder_.Write("c.toml", "workers = 2");
  EXPECT_THAT(options_.Load({"--config", path}, {{"CARILLON_WORKERS", "1"}}).errors, IsEmpty());
  EXPECT_EQ(workers_, 2);
}

TEST_F(OptionLayersTest, TheEnvironmentIsStrongerThanTheDefault) {
  EXPECT_THAT(options_.Load({}, {{"CARILLON_WORKERS", "1"}, {"CARILLON_TLS_CERT", "c.pem"}}).errors,
              IsEmpty());
  EXPECT_EQ(workers_, 1);
  EXPECT_EQ(certificate_, "c.pem");
}

TEST_F(OptionLayersTest, TablesAndUnderscoresAreTheSameName) {
  for (const char* text : {"tls-cert = 'c.pem'", "tls_cert = 'c.pem'", "[tls]\ncert = 'c.pem'",
                           "tls.cert = 'c.pem'", "tls = { cert = 'c.pem' }"}) {
    certificate_.clear();
    OptionSet options({.name = "t", .summary = ""});
    options.AddString("tls-cert", &certificate_, "certificate");
    EXPECT_THAT(options.Load({"--config", folder_.Write("c.toml", text)}, {}).errors, IsEmpty());
    EXPECT_EQ(certificate_, "c.pem") << text;
  }
}

TEST_F(OptionLayersTest, TomlValuesHaveTheirNaturalTypes) {
  EXPECT_THAT(ErrorsOfToml("workers = 8\nfast = true\nidle = '90s'\nmetrics = ''\n"
                           "origin = ['https://a', 'https://b']\n"),
              IsEmpty());
  EXPECT_EQ(workers_, 8);
  EXPECT_TRUE(fast_);
  EXPECT_EQ(idle_, absl::Seconds(90));
  EXPECT_TRUE(metrics_.empty());
  EXPECT_THAT(origins_, ElementsAre("https://a", "https://b"));
}

TEST_F(OptionLayersTest, ErrorsInTheFileHaveTheirLines) {
  EXPECT_THAT(
      ErrorsOfToml("wrokers = 2\n\nworkers = 0\nidle = 5.5\n[tls]\ncert = ['a']\nkye = 1\n"),
      testing::UnorderedElementsAre(
          "config.toml:1: no such option as wrokers: did you mean workers?",
          "config.toml:3: workers: \"0\" is not in the range 1 to 64",
          "config.toml:4: idle: a value is a string, a whole number, true or false, or an "
          "array of strings",
          "config.toml:6: tls-cert: takes one value, not an array",
          "config.toml:7: no such option as tls-kye"));
}

TEST_F(OptionLayersTest, AFileThatIsNotTomlIsReportedWithItsLine) {
  EXPECT_THAT(ErrorsOfToml("workers = 2\nidle = \n"), ElementsAre(StartsWith("config.toml:2: ")));
}

TEST_F(OptionLayersTest, AnOptionSetTwiceInTheFileIsAnError) {
  EXPECT_THAT(ErrorsOfToml("tls-cert = 'a'\n[tls]\ncert = 'b'\n"),
              ElementsAre(HasSubstr("tls-cert: is already set at ")));
}

TEST_F(OptionLayersTest, ErrorsOfAllLayersComeTogether) {
  const std::string path = folder_.Write("c.toml", "idle = 'soon'\n");
  EXPECT_THAT(
      options_
          .Load({"--config", path, "--workers", "0", "--nonsense"}, {{"CARILLON_METRICS", "here"}})
          .errors,
      ElementsAre("--nonsense: no such option", "--workers: \"0\" is not in the range 1 to 64",
                  StartsWith("CARILLON_METRICS: \"here\" is not HOST:PORT"),
                  StartsWith(path + ":1: idle: \"soon\" is not a duration")));
}

TEST_F(OptionLayersTest, AMissingFileIsAnError) {
  EXPECT_THAT(options_.Load({"--config", "/nowhere/c.toml"}, {}).errors,
              ElementsAre("--config: cannot open /nowhere/c.toml: No such file or directory"));
}

TEST_F(OptionLayersTest, VariablesOfOtherProgramsAreIgnored) {
  EXPECT_THAT(options_.Load({}, {{"CARILLON_URL", "wss://x"}, {"WORKERS", "9"}}).errors, IsEmpty());
  EXPECT_EQ(workers_, 4);
}

TEST_F(OptionLayersTest, AnEmptyVariableCountsOnlyWhereEmptyHasAMeaning) {
  EXPECT_THAT(options_.Load({}, {{"CARILLON_WORKERS", ""}, {"CARILLON_METRICS", ""}}).errors,
              IsEmpty());
  EXPECT_EQ(workers_, 4);
  EXPECT_TRUE(metrics_.empty());
}

TEST_F(OptionLayersTest, AListInAVariableIsPartedByCommas) {
  EXPECT_THAT(options_.Load({}, {{"CARILLON_ORIGIN", "https://a,https://b"}}).errors, IsEmpty());
  EXPECT_THAT(origins_, ElementsAre("https://a", "https://b"));
}

TEST_F(OptionLayersTest, TheVariablesPrefixCanBeChosen) {
  OptionSet options({.name = "t", .summary = ""}, "BELL_");
  options.AddInt("workers", &workers_, "threads", 1, 64);
  EXPECT_THAT(options.Load({}, {{"BELL_WORKERS", "7"}, {"CARILLON_WORKERS", "8"}}).errors,
              IsEmpty());
  EXPECT_EQ(workers_, 7);
}

TEST_F(OptionLayersTest, AProgramWithSubcommandsKeepsItsOwnCommandLine) {
  CLI::App app("A test.", "carillon-test");
  app.fallthrough();
  const CLI::App* const watch = app.add_subcommand("watch");
  options_.AddTo(&app);
  app.parse("watch --workers 9");
  EXPECT_TRUE(watch->parsed());

  Layers layers;
  layers.config_file = folder_.Write("c.toml", "workers = 2\nidle = '7s'");
  layers.environment = {{"CARILLON_FAST", "true"}};
  EXPECT_THAT(options_.ResolveLayers(layers), IsEmpty());
  EXPECT_EQ(workers_, 9);
  EXPECT_EQ(idle_, absl::Seconds(7));
  EXPECT_TRUE(fast_);
}

TEST_F(OptionLayersTest, AnOptionalFileMayBeMissing) {
  Layers layers;
  layers.config_file = "/nowhere/c.toml";
  layers.config_file_optional = true;
  layers.flags = {{"workers", "5"}};
  EXPECT_THAT(options_.ResolveLayers(layers), IsEmpty());
  EXPECT_EQ(workers_, 5);
}

}  // namespace
}  // namespace carillon::program
