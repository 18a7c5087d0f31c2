#include "src/event_batch_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "carillon/v1/event_service.pb.h"
#include "tests/unit/client/fake_broker.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using Content = EventBatchReader::Content;

grpc::ByteBuffer InOneSlice(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer InSlicesOf(size_t size, const std::string& bytes) {
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < bytes.size(); i += size) slices.emplace_back(bytes.substr(i, size));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string TwoEvents() {
  v1::SubscribeResponse response = EventsFor(7, {MakeEvent("a", "p1"), MakeEvent("b", "p2")});
  response.mutable_events()->mutable_matches(1)->add_subscription_ids(1'000'000'000'000);
  return response.SerializeAsString();
}

TEST(EventBatchReaderTest, FindsEventsAndTheirMatchesInOneSliceOrMany) {
  EventBatchReader reader;
  for (const grpc::ByteBuffer& buffer :
       {InOneSlice(TwoEvents()), InSlicesOf(3, TwoEvents()), InSlicesOf(1, TwoEvents())}) {
    ASSERT_EQ(reader.Read(buffer), Content::kEvents);
    ASSERT_EQ(reader.events().size(), 2u);
    EXPECT_EQ(reader.events()[0].key, "a");
    EXPECT_EQ(reader.events()[1].position, "p2");
    EXPECT_THAT(reader.MatchesOf(0), ElementsAre(7));
    EXPECT_THAT(reader.MatchesOf(1), ElementsAre(7, 1'000'000'000'000));
  }
}

TEST(EventBatchReaderTest, AWatchHasNoMatches) {
  v1::WatchResponse response;
  *response.mutable_events()->add_events() = MakeEvent("a");
  EventBatchReader reader;
  ASSERT_EQ(reader.Read(InOneSlice(response.SerializeAsString())), Content::kEvents);
  EXPECT_EQ(reader.events().size(), 1u);
  EXPECT_TRUE(reader.MatchesOf(0).empty());
}

TEST(EventBatchReaderTest, LeavesOtherResponsesToTheirClass) {
  EventBatchReader reader;
  const std::string progress = ProgressTo("p1").SerializeAsString();
  ASSERT_EQ(reader.Read(InSlicesOf(2, progress)), Content::kOther);
  EXPECT_EQ(reader.bytes(), progress);
  EXPECT_EQ(reader.Read(grpc::ByteBuffer()), Content::kOther);
}

TEST(EventBatchReaderTest, RefusesWhatIsCutOffOrDoesNotFitTogether) {
  EventBatchReader reader;
  const std::string whole = TwoEvents();
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(reader.Read(InOneSlice(whole.substr(0, size))), Content::kMalformed) << size;
  }
  v1::SubscribeResponse response = EventsFor(7, {MakeEvent("a"), MakeEvent("b")});
  response.mutable_events()->mutable_matches()->RemoveLast();
  EXPECT_EQ(reader.Read(InOneSlice(response.SerializeAsString())), Content::kMalformed);
}

}  // namespace
}  // namespace carillon::client
