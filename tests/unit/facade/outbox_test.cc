#include "wsfacade/net/outbox.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace carillon::facade {
namespace {

SharedBytesPtr Bytes(std::string text) { return SharedBytesPtr(new SharedBytes(std::move(text))); }

std::string PeekUpTo(const Outbox& outbox, size_t size) {
  std::vector<char> scratch(size);
  return std::string(outbox.Peek(absl::MakeSpan(scratch)));
}

// Everything, as a socket would get it in pieces of at most `size`.
std::string Drain(Outbox* outbox, size_t size) {
  std::string all;
  while (!outbox->empty()) {
    const std::string piece = PeekUpTo(*outbox, size).substr(0, size);
    all += piece;
    outbox->Consume(piece.size());
  }
  return all;
}

TEST(OutboxTest, GivesBackWhatWasAppendedInOrder) {
  Outbox outbox;
  const SharedBytesPtr shared = Bytes("0123456789");
  outbox.Append(shared, 2, 5);
  outbox.AppendCopy("abc");
  outbox.Append(shared, 7, 9);
  EXPECT_EQ(outbox.size_bytes(), 8u);
  EXPECT_EQ(Drain(&outbox, 3), "234abc78");
  EXPECT_TRUE(outbox.empty());
}

TEST(OutboxTest, WritesNeighbouringRangesFromWhereTheyLie) {
  Outbox outbox;
  const SharedBytesPtr shared = Bytes("0123456789");
  outbox.Append(shared, 0, 4);
  outbox.Append(shared, 4, 8);
  std::vector<char> scratch(16);
  EXPECT_EQ(outbox.Peek(absl::MakeSpan(scratch)).data(), shared->bytes().data());
}

TEST(OutboxTest, GathersRangesThatLieApart) {
  Outbox outbox;
  const SharedBytesPtr shared = Bytes("0123456789");
  outbox.Append(shared, 0, 2);
  outbox.Append(shared, 4, 6);
  outbox.Append(shared, 8, 10);
  EXPECT_EQ(PeekUpTo(outbox, 5), "01458");
}

TEST(OutboxTest, ForgetsSharedBytesWhenTheyAreWritten) {
  Outbox outbox;
  const SharedBytesPtr shared = Bytes("0123456789");
  outbox.Append(shared, 0, 10);
  EXPECT_EQ(shared->use_count(), 2u);
  outbox.Consume(10);
  EXPECT_EQ(shared->use_count(), 1u);
}

TEST(OutboxTest, DropUnbegunKeepsWhatIsPartlyWrittenWhole) {
  Outbox outbox;
  const SharedBytesPtr shared = Bytes("0123456789");
  outbox.Append(shared, 0, 4);
  outbox.Append(shared, 6, 10);
  outbox.Consume(1);
  outbox.DropUnbegun();
  EXPECT_EQ(outbox.size_bytes(), 3u);
  outbox.AppendCopy("end");
  EXPECT_EQ(Drain(&outbox, 16), "123end");
}

TEST(OutboxTest, DropUnbegunEmptiesOneOfWhichNothingIsBegun) {
  Outbox outbox;
  outbox.Append(Bytes("0123456789"), 0, 4);
  outbox.DropUnbegun();
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(PeekUpTo(outbox, 4), "");
}

TEST(OutboxTest, SettleLetsGoOfBytesOfWhichItNeedsLittle) {
  Outbox outbox;
  const SharedBytesPtr large = Bytes(std::string(1000, 'x'));
  const SharedBytesPtr needed = Bytes("needed");
  outbox.Append(large, 10, 20);
  outbox.Append(needed, 0, 6);
  outbox.Append(large, 30, 35);
  outbox.Settle();
  EXPECT_EQ(large->use_count(), 1u);
  EXPECT_EQ(needed->use_count(), 2u);
  EXPECT_EQ(outbox.size_bytes(), 21u);
  EXPECT_EQ(Drain(&outbox, 4), "xxxxxxxxxxneededxxxxx");
}

TEST(OutboxTest, DoesNotAddToBytesThatOthersHold) {
  Outbox outbox;
  const SharedBytesPtr shared = Bytes("01");
  outbox.Append(shared, 0, 2);
  outbox.AppendCopy("ab");
  outbox.AppendCopy("cd");
  EXPECT_EQ(shared->bytes(), "01");
  EXPECT_EQ(Drain(&outbox, 16), "01abcd");
}

TEST(OutboxTest, ModelOfRandomOperations) {
  std::mt19937 random(7);
  const auto below = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  for (int round = 0; round < 200; ++round) {
    Outbox outbox;
    std::string model;
    SharedBytesPtr batch;
    size_t next = 0;
    for (int step = 0; step < 300; ++step) {
      switch (below(6)) {
        case 0:
          batch = Bytes(std::string(1 + below(400), static_cast<char>('a' + below(26))));
          next = 0;
          break;
        case 1:
        case 2: {
          if (batch == nullptr || next >= batch->bytes().size()) break;
          const size_t begin = next + below(batch->bytes().size() - next);
          const size_t end = begin + 1 + below(batch->bytes().size() - begin);
          outbox.Append(batch, begin, end);
          model += batch->bytes().substr(begin, end - begin);
          next = end;
          break;
        }
        case 3: {
          const std::string own(1 + below(50), static_cast<char>('A' + below(26)));
          outbox.AppendCopy(own);
          model += own;
          break;
        }
        case 4: {
          const std::string piece = PeekUpTo(outbox, 1 + below(300));
          ASSERT_EQ(piece, model.substr(0, piece.size()));
          ASSERT_EQ(piece.empty(), model.empty());
          if (piece.empty()) break;
          const size_t count = 1 + below(piece.size());
          outbox.Consume(count);
          model.erase(0, count);
          break;
        }
        default:
          outbox.Settle();
      }
      ASSERT_EQ(outbox.size_bytes(), model.size());
    }
    ASSERT_EQ(Drain(&outbox, 64), model);
  }
}

}  // namespace
}  // namespace carillon::facade
