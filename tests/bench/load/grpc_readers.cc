#include "tests/bench/load/grpc_readers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace carillon::bench {
namespace {

// A place in a message that lies in several slices.
class Cursor {
 public:
  explicit Cursor(const std::vector<grpc::Slice>& slices) : slices_(slices) { SkipEmpty(); }

  uint64_t offset() const { return offset_; }

  bool TakeVarint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (slice_ == slices_.size()) return false;
      const uint8_t byte = slices_[slice_].begin()[place_];
      Move(1);
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }

  bool Skip(uint64_t count) {
    while (count > 0) {
      if (slice_ == slices_.size()) return false;
      const size_t step = std::min<uint64_t>(count, slices_[slice_].size() - place_);
      Move(step);
      count -= step;
    }
    return true;
  }

 private:
  void Move(size_t count) {
    place_ += count;
    offset_ += count;
    SkipEmpty();
  }

  void SkipEmpty() {
    while (slice_ < slices_.size() && place_ == slices_[slice_].size()) {
      ++slice_;
      place_ = 0;
    }
  }

  const std::vector<grpc::Slice>& slices_;
  size_t slice_ = 0;
  size_t place_ = 0;
  uint64_t offset_ = 0;
};

bool CountFields(const std::vector<uint32_t>& path, size_t depth, uint64_t end, Cursor* cursor,
                 int64_t* count) {
  while (cursor->offset() < end) {
    uint64_t tag = 0;
    uint64_t value = 0;
    if (!cursor->TakeVarint(&tag)) return false;
    const uint64_t wire_type = tag & 7;
    if (wire_type == 1 || wire_type == 5) {
      if (!cursor->Skip(wire_type == 1 ? 8 : 4)) return false;
      continue;
    }
    if (!cursor->TakeVarint(&value)) return false;
    if (wire_type == 0) continue;
    if (wire_type != 2) return false;
    if (tag >> 3 == path[depth] && depth + 1 < path.size()) {
      if (!CountFields(path, depth + 1, cursor->offset() + value, cursor, count)) return false;
      continue;
    }
    if (tag >> 3 == path[depth]) ++*count;
    if (!cursor->Skip(value)) return false;
  }
  return true;
}

}  // namespace

int64_t FieldCounter::Count(const grpc::ByteBuffer& message) const {
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return -1;
  Cursor cursor(slices);
  int64_t count = 0;
  return CountFields(path_, 0, message.Length(), &cursor, &count) ? count : -1;
}

class GrpcReaders::Reader : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Reader(GrpcReaders* owner, std::shared_ptr<grpc::Channel> channel)
      : owner_(owner), stub_(std::move(channel)), request_(MakeByteBuffer(owner->plan_.request)) {
    if (owner_->plan_.authorize != nullptr) {
      const absl::Status status = owner_->plan_.authorize(&context_);
      absl::MutexLock lock(&owner_->mutex_);
      owner_->status_.Update(status);
    }
    stub_.PrepareBidiStreamingCall(&context_, owner->plan_.method, grpc::StubOptions(), this);
    if (owner->plan_.half_close) {
      StartWriteLast(&request_, grpc::WriteOptions());
    } else {
      StartWrite(&request_);
    }
    StartRead(&response_);
    StartCall();
  }

  void Cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    owner_->OnMessage(response_, is_first_);
    is_first_ = false;
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { owner_->OnDone(status); }

  GrpcReaders* const owner_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  bool is_first_ = true;
};

GrpcReaders::GrpcReaders(std::vector<std::shared_ptr<grpc::Channel>> channels, ReaderPlan plan)
    : plan_(std::move(plan)) {
  for (auto& channel : channels) {
    readers_.push_back(std::make_unique<Reader>(this, std::move(channel)));
  }
}

GrpcReaders::~GrpcReaders() {
  for (const auto& reader : readers_) reader->Cancel();
  absl::MutexLock lock(&mutex_);
  while (done_ < readers_.size()) changed_.Wait(&mutex_);
}

absl::Status GrpcReaders::AwaitFirstMessages(absl::Duration deadline) {
  const absl::Time until = absl::Now() + deadline;
  absl::MutexLock lock(&mutex_);
  while (begun_ < readers_.size() && status_.ok()) {
    if (changed_.WaitWithDeadline(&mutex_, until)) {
      return absl::DeadlineExceededError("not all streams began");
    }
  }
  return status_;
}

bool GrpcReaders::AwaitEvents(int64_t count, absl::Duration deadline) {
  const absl::Time until = absl::Now() + deadline;
  absl::MutexLock lock(&mutex_);
  wake_at_ = count;
  while (events_ < count && status_.ok()) {
    if (changed_.WaitWithDeadline(&mutex_, until)) break;
  }
  return events_ >= count;
}

absl::Status GrpcReaders::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

void GrpcReaders::OnMessage(const grpc::ByteBuffer& message, bool is_first) {
  const int64_t count = plan_.events.Count(message);
  bytes_ += static_cast<int64_t>(message.Length());
  const int64_t before = events_.fetch_add(std::max<int64_t>(count, 0));
  const int64_t wake_at = wake_at_;
  const bool wakes = before < wake_at && before + count >= wake_at;
  if (!is_first && !wakes && count >= 0) return;
  absl::MutexLock lock(&mutex_);
  if (count < 0) status_.Update(absl::InternalError("a response is not what it should be"));
  if (is_first) ++begun_;
  changed_.SignalAll();
}

void GrpcReaders::OnDone(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  status_.Update(absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                              absl::StrCat("a stream ended: ", status.error_message())));
  ++done_;
  changed_.SignalAll();
}

}  // namespace carillon::bench
