// What waits to be written to one connection: ranges of shared bytes, in order.
//
// Empty it holds no storage; neighbouring ranges of the same bytes become one, so that a connection
// that wants every frame of a batch holds a single range, and it is written from where it lies.
#ifndef CARILLON_WSFACADE_NET_OUTBOX_H_
#define CARILLON_WSFACADE_NET_OUTBOX_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "wsfacade/net/shared_bytes.h"

namespace carillon::facade {

// Not thread-safe: its connection's thread alone. What is appended in one call is kept or dropped
// as a whole, so callers append whole frames.
class Outbox {
 public:
  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // The range [begin, end) of `bytes`, which is at most 4 GiB.
  void Append(const SharedBytesPtr& bytes, size_t begin, size_t end);
  // A copy of `bytes`.
  void AppendCopy(absl::string_view bytes);

  bool empty() const { return size_bytes_ == 0; }
  size_t size_bytes() const { return size_bytes_; }

  // The first bytes: in place if the first range alone has `scratch.size()` bytes or there is no
  // other, else gathered in `scratch`. Valid until the outbox is changed.
  absl::string_view Peek(absl::Span<char> scratch) const;
  // Drops the first `count` bytes, which have been written.
  void Consume(size_t count);

  // Keeps nothing but the rest of the range that is partly written, if there is one.
  void DropUnbegun();

  // To be called when what is left will stay for a while: copies ranges that keep much larger
  // bytes alive, so that the memory held is at most about four times size_bytes().
  void Settle();

 private:
  struct Range {
    SharedBytesPtr bytes;
    uint32_t begin;
    uint32_t end;

    size_t size() const { return end - begin; }
    absl::string_view view() const {
      return absl::string_view(bytes->bytes()).substr(begin, end - begin);
    }
  };

  // Adds a copy to `ranges`, to its last one if that is the outbox's own and has room.
  static void AddCopy(absl::string_view bytes, absl::InlinedVector<Range, 1>* ranges);
  void Compact();

  absl::InlinedVector<Range, 1> ranges_;
  // Ranges before this are written.
  uint32_t head_ = 0;
  // Ranges before this have been looked at by Settle.
  uint32_t settled_ = 0;
  size_t size_bytes_ = 0;
  bool head_begun_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_OUTBOX_H_
