#include "broker/ingest/check_batch.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/error.h"
#include "carillon/wire/event_view.h"

namespace carillon::ingest {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::string_view kCaller = "fred";
const absl::Time kNow = absl::FromUnixNanos(1'513'898'803'412'554'192);

access::Scope MakeScope(
    const std::vector<std::tuple<std::string, std::string, std::string>>& claims) {
  std::vector<access::CompiledClaim> compiled;
  for (const auto& [scope, action, specific] : claims) {
    v1::Claim claim;
    claim.set_scope(scope);
    claim.set_action(action);
    claim.set_specific(specific);
    compiled.push_back(access::CompiledClaim::Compile(claim).value());
  }
  return access::Scope(std::move(compiled), std::nullopt);
}

v1::Event GoodEvent() {
  v1::Event event;
  event.set_type("machines");
  event.set_action("save");
  event.set_key("a");
  event.set_object(R"({"Name":"a"})");
  return event;
}

class CheckBatchTest : public ::testing::Test {
 protected:
  absl::StatusOr<CheckedBatch> Check(const v1::PublishRequest& request) {
    return CheckBatch(request.SerializeAsString(), kCaller, scope_, limits_, kNow);
  }

  CheckedBatch CheckEvents(const std::vector<v1::Event>& events) {
    v1::PublishRequest request;
    for (const v1::Event& event : events) *request.add_events() = event;
    return Check(request).value();
  }

  // The event as it goes into the log.
  v1::Event Accepted(const v1::Event& event) {
    const CheckedBatch batch = CheckEvents({event});
    EXPECT_THAT(batch.refused, IsEmpty()) << batch.refused.front().status;
    v1::EventBatch read;
    EXPECT_TRUE(read.ParseFromString(batch.records));
    EXPECT_EQ(read.events_size(), 1);
    return read.events(0);
  }

  absl::Status Refused(const v1::Event& event) {
    const CheckedBatch batch = CheckEvents({event});
    if (batch.refused.size() != 1) return absl::OkStatus();
    EXPECT_THAT(batch.records, IsEmpty());
    return batch.refused.front().status;
  }

  // The description of the one field that is at fault; the field has to be `field`.
  std::string FaultOf(const std::string& field, const v1::Event& event) {
    const absl::Status status = Refused(event);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    const auto bad_request = wire::BadRequestOf(status);
    if (!bad_request.has_value()) return absl::StrCat("no BadRequest: ", status.ToString());
    EXPECT_EQ(bad_request->field_violations(0).field(), absl::StrCat("events[0].", field));
    return bad_request->field_violations(0).description();
  }

  access::Scope scope_ = MakeScope({{"*", "*", "*"}});
  IngestLimits limits_;
};

TEST_F(CheckBatchTest, AGoodEventGoesInAsItIs) {
  v1::Event event = GoodEvent();
  event.mutable_time()->set_seconds(-1);
  event.mutable_time()->set_nanos(999'999'999);
  event.set_principal("fred");
  event.set_original("{ \"Name\" : 1e400 }\n");
  event.set_event_id("id-1");
  const v1::Event logged = Accepted(event);
  EXPECT_EQ(logged.time().seconds(), -1);
  EXPECT_EQ(logged.time().nanos(), 999'999'999);
  EXPECT_EQ(logged.type(), "machines");
  EXPECT_EQ(logged.action(), "save");
  EXPECT_EQ(logged.key(), "a");
  EXPECT_EQ(logged.principal(), "fred");
  EXPECT_EQ(logged.object(), event.object());
  EXPECT_EQ(logged.original(), event.original());
  EXPECT_EQ(logged.event_id(), "id-1");
}

TEST_F(CheckBatchTest, TimeAndPrincipalAreFilledIn) {
  const v1::Event logged = Accepted(GoodEvent());
  EXPECT_EQ(logged.time().seconds(), 1'513'898'803);
  EXPECT_EQ(logged.time().nanos(), 412'554'192);
  EXPECT_EQ(logged.principal(), "fred");
}

TEST_F(CheckBatchTest, ATimeOfZeroIsATime) {
  v1::Event event = GoodEvent();
  event.mutable_time();
  EXPECT_EQ(Accepted(event).time().seconds(), 0);
}

TEST_F(CheckBatchTest, APositionInAPublishIsIgnored) {
  v1::Event event = GoodEvent();
  event.set_position("whatever");
  EXPECT_THAT(Accepted(event).position(), SizeIs(wire::kPositionSize));
}

TEST_F(CheckBatchTest, KeyObjectAndEventIdMayBeEmpty) {
  v1::Event event;
  event.set_type("t");
  event.set_action("a");
  const v1::Event logged = Accepted(event);
  EXPECT_EQ(logged.key(), "");
  EXPECT_EQ(logged.object(), "");
}

TEST_F(CheckBatchTest, ABadEventIsRefusedByItself) {
  v1::Event bad = GoodEvent();
  bad.set_object("{");
  v1::Event third = GoodEvent();
  third.set_event_id("third");
  const CheckedBatch batch = CheckEvents({GoodEvent(), bad, third, bad});
  ASSERT_THAT(batch.accepted, SizeIs(2));
  ASSERT_THAT(batch.refused, SizeIs(2));
  EXPECT_EQ(batch.event_count(), 4u);
  EXPECT_EQ(batch.accepted[0].index, 0u);
  EXPECT_EQ(batch.accepted[1].index, 2u);
  EXPECT_EQ(batch.refused[0].index, 1u);
  EXPECT_EQ(batch.refused[1].index, 3u);
  EXPECT_EQ(batch.event_id(batch.accepted[0]), "");
  EXPECT_EQ(batch.event_id(batch.accepted[1]), "third");
  EXPECT_EQ(batch.refused[1].status.message(),
            "events[3].object: not JSON (RFC 8259): it ends too early at byte 1");
  v1::EventBatch read;
  ASSERT_TRUE(read.ParseFromString(std::string(batch.record(batch.accepted[1]))));
  EXPECT_EQ(read.events(0).event_id(), "third");
  EXPECT_EQ(batch.records,
            absl::StrCat(batch.record(batch.accepted[0]), batch.record(batch.accepted[1])));
}

struct TextRule {
  const char* field;
  size_t bytes_max;
  std::function<void(v1::Event*, const std::string&)> set;
};

std::vector<TextRule> TextRules() {
  return {
      {"type", 128, [](v1::Event* e, const std::string& s) { e->set_type(s); }},
      {"action", 128, [](v1::Event* e, const std::string& s) { e->set_action(s); }},
      {"key", 1'024, [](v1::Event* e, const std::string& s) { e->set_key(s); }},
      {"principal", 256, [](v1::Event* e, const std::string& s) { e->set_principal(s); }},
      {"event_id", 128, [](v1::Event* e, const std::string& s) { e->set_event_id(s); }},
  };
}

TEST_F(CheckBatchTest, TextsHaveALimit) {
  for (const TextRule& rule : TextRules()) {
    v1::Event event = GoodEvent();
    rule.set(&event, std::string(rule.bytes_max, 'x'));
    EXPECT_EQ(Refused(event), absl::OkStatus()) << rule.field;
    rule.set(&event, std::string(rule.bytes_max + 1, 'x'));
    EXPECT_EQ(FaultOf(rule.field, event),
              absl::StrCat("has ", rule.bytes_max + 1, " bytes; at most ", rule.bytes_max,
                           " are allowed"));
  }
}

TEST_F(CheckBatchTest, TextsHoldNoControlCharacters) {
  for (const TextRule& rule : TextRules()) {
    for (const char control : {'\0', '\n', '\x1f', '\x7f'}) {
      v1::Event event = GoodEvent();
      rule.set(&event, std::string("ab") + control);
      EXPECT_THAT(FaultOf(rule.field, event), HasSubstr("control characters; byte 2 is 0x"));
    }
    v1::Event event = GoodEvent();
    rule.set(&event, "spaces, \xc3\xa9 and \xf0\x9d\x84\x9e");
    EXPECT_EQ(Refused(event), absl::OkStatus()) << rule.field;
  }
}

TEST_F(CheckBatchTest, TextsAreUtf8) {
  const google::protobuf::LogSilencer no_complaints;
  for (const TextRule& rule : TextRules()) {
    for (const char* text : {"\x80", "a\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
      v1::Event event = GoodEvent();
      rule.set(&event, text);
      EXPECT_EQ(FaultOf(rule.field, event), "must be UTF-8");
    }
  }
}

TEST_F(CheckBatchTest, TypeAndActionMustNotBeEmpty) {
  v1::Event event = GoodEvent();
  event.clear_type();
  EXPECT_EQ(FaultOf("type", event), "must not be empty; 1 to 128 bytes are allowed");
  event = GoodEvent();
  event.clear_action();
  EXPECT_EQ(FaultOf("action", event), "must not be empty; 1 to 128 bytes are allowed");
}

TEST_F(CheckBatchTest, TimeIsWithinTheYears1To9999) {
  const auto at = [](int64_t seconds, int32_t nanos) {
    v1::Event event = GoodEvent();
    event.mutable_time()->set_seconds(seconds);
    event.mutable_time()->set_nanos(nanos);
    return event;
  };
  EXPECT_EQ(Refused(at(-62'135'596'800, 0)), absl::OkStatus());
  EXPECT_EQ(Refused(at(253'402'300'799, 999'999'999)), absl::OkStatus());
  EXPECT_THAT(FaultOf("time", at(-62'135'596'801, 0)), HasSubstr("years 0001 to 9999"));
  EXPECT_THAT(FaultOf("time", at(253'402'300'800, 0)), HasSubstr("years 0001 to 9999"));
  EXPECT_THAT(FaultOf("time", at(std::numeric_limits<int64_t>::min(), 0)), HasSubstr("years"));
  EXPECT_THAT(FaultOf("time", at(0, -1)), HasSubstr("nanos is -1"));
  EXPECT_THAT(FaultOf("time", at(0, 1'000'000'000)), HasSubstr("nanos is 1000000000"));
}

TEST_F(CheckBatchTest, ObjectAndOriginalAreJson) {
  v1::Event event = GoodEvent();
  event.set_object("{}x");
  EXPECT_THAT(FaultOf("object", event), HasSubstr("not JSON"));
  event = GoodEvent();
  event.set_original(std::string("{}\0", 3));
  EXPECT_THAT(FaultOf("original", event), HasSubstr("more text after the value at byte 2"));
  event = GoodEvent();
  event.set_object(" ");
  EXPECT_THAT(FaultOf("object", event), HasSubstr("it ends too early"));
}

TEST_F(CheckBatchTest, ObjectAndOriginalTogetherHaveALimit) {
  limits_.object_bytes_max = 100;
  v1::Event event = GoodEvent();
  event.set_object("\"" + std::string(98, 'x') + "\"");
  EXPECT_EQ(Refused(event), absl::OkStatus());
  event.set_original("1");
  EXPECT_EQ(FaultOf("object", event),
            "together with original has 101 bytes; at most 100 are allowed");
  event.clear_object();
  event.set_original("\"" + std::string(99, 'x') + "\"");
  EXPECT_THAT(FaultOf("object", event), HasSubstr("has 101 bytes; at most 100 are allowed"));
}

TEST_F(CheckBatchTest, PublishingNeedsTheClaimForTheType) {
  const access::Scope scope = MakeScope({{"events", "post", "machines,profiles"}});
  v1::PublishRequest request;
  *request.add_events() = GoodEvent();
  *request.add_events() = GoodEvent();
  request.mutable_events(1)->set_type("users");
  *request.add_events() = GoodEvent();
  request.mutable_events(2)->set_type("profiles");
  const auto batch = CheckBatch(request.SerializeAsString(), kCaller, scope, limits_, kNow);
  ASSERT_THAT(batch->accepted, SizeIs(2));
  ASSERT_THAT(batch->refused, SizeIs(1));
  const absl::Status& status = batch->refused[0].status;
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("events[1]: needs the claim events.post.users"));
  const auto info = wire::ErrorInfoOf(status);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "CLAIM_MISSING");
  EXPECT_EQ(info->metadata().at("specific"), "users");
}

TEST_F(CheckBatchTest, AnothersPrincipalNeedsItsOwnClaim) {
  const access::Scope scope = MakeScope({{"events", "post", "*"}, {"events", "post-as", "wilma"}});
  const auto publish_as = [&](const std::string& principal) {
    v1::PublishRequest request;
    *request.add_events() = GoodEvent();
    request.mutable_events(0)->set_principal(principal);
    return CheckBatch(request.SerializeAsString(), kCaller, scope, limits_, kNow).value();
  };
  EXPECT_THAT(publish_as("fred").refused, IsEmpty());
  EXPECT_THAT(publish_as("").refused, IsEmpty());
  EXPECT_THAT(publish_as("wilma").refused, IsEmpty());
  const CheckedBatch refused = publish_as("barney");
  ASSERT_THAT(refused.refused, SizeIs(1));
  EXPECT_EQ(refused.refused[0].status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(wire::ErrorInfoOf(refused.refused[0].status)->metadata().at("action"), "post-as");
}

TEST_F(CheckBatchTest, WithoutClaimsNothingGoesIn) {
  const access::Scope scope = MakeScope({});
  v1::PublishRequest request;
  *request.add_events() = GoodEvent();
  const auto batch = CheckBatch(request.SerializeAsString(), kCaller, scope, limits_, kNow);
  EXPECT_THAT(batch->accepted, IsEmpty());
}

TEST_F(CheckBatchTest, ARequestHoldsOneEventAtLeastAndHasALimit) {
  v1::PublishRequest request;
  EXPECT_EQ(Check(request).status().message(), "events: must hold at least one event");
  limits_.events_per_batch_max = 3;
  for (int i = 0; i < 3; ++i) *request.add_events() = GoodEvent();
  EXPECT_TRUE(Check(request).ok());
  *request.add_events() = GoodEvent();
  EXPECT_EQ(Check(request).status().message(), "events: holds 4 events; at most 3 are allowed");
}

TEST_F(CheckBatchTest, OfVeryManyErrorsTheFirstAreExplained) {
  v1::PublishRequest request;
  for (int i = 0; i < 5'000; ++i) {
    request.add_events();
    *request.add_events() = GoodEvent();
  }
  const CheckedBatch batch = Check(request).value();
  EXPECT_THAT(batch.accepted, SizeIs(5'000));
  ASSERT_THAT(batch.refused, SizeIs(5'000));
  for (size_t i = 0; i < batch.refused.size(); ++i) {
    const absl::Status& status = batch.refused[i].status;
    EXPECT_EQ(batch.refused[i].index, 2 * i);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(wire::BadRequestOf(status).has_value(), i < 1'000) << i;
    EXPECT_FALSE(status.message().empty());
    if (i >= 1'000) EXPECT_LE(status.message().size(), 32u);
  }
}

TEST_F(CheckBatchTest, WhatIsNotProtobufIsRefusedAsAWhole) {
  for (const std::string& encoded : {std::string("\x0a\x05"
                                                 "ab"),
                                     std::string("\xff"), std::string("\x0a\x02\x12\x05", 4)}) {
    const auto batch = CheckBatch(encoded, kCaller, scope_, limits_, kNow);
    EXPECT_EQ(batch.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(CheckBatchTest, TakesAPublishStreamRequestToo) {
  v1::PublishStreamRequest request;
  *request.add_events() = GoodEvent();
  const auto batch = CheckBatch(request.SerializeAsString(), kCaller, scope_, limits_, kNow);
  EXPECT_THAT(batch->accepted, SizeIs(1));
}

TEST_F(CheckBatchTest, DamagedRequestsAreRefusedOrReadWithinTheirBounds) {
  std::mt19937 random(1);
  v1::PublishRequest request;
  for (int i = 0; i < 3; ++i) *request.add_events() = GoodEvent();
  const std::string good = request.SerializeAsString();
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = good;
    for (unsigned n = random() % 4; n > 0; --n) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    damaged.resize(random() % 2 == 0 ? damaged.size() : random() % damaged.size());
    const auto batch = CheckBatch(damaged, kCaller, scope_, limits_, kNow);
    if (!batch.ok()) continue;
    v1::EventBatch read;
    ASSERT_TRUE(read.ParseFromString(batch->records));
    ASSERT_EQ(static_cast<size_t>(read.events_size()), batch->accepted.size());
  }
}

}  // namespace
}  // namespace carillon::ingest
