#include "broker/delivery/outbox.h"

#include <memory>
#include <numeric>
#include <utility>

namespace carillon::delivery {

void Deliveries::LeaveOthers() {
  if (2 * bytes >= block->bytes()) return;
  std::string records;
  std::vector<uint32_t> ends;
  for (const uint32_t i : events) {
    const absl::string_view record = block->record(i);
    records.append(record.data(), record.size());
    ends.push_back(static_cast<uint32_t>(records.size()));
  }
  block = std::make_shared<const log::EventBlock>(block->first_sequence(), std::move(records),
                                                  std::move(ends));
  std::iota(events.begin(), events.end(), 0);
}

Outbox::Verdict Outbox::Push(Deliveries deliveries) {
  absl::MutexLock lock(&mu_);
  if (closed_) return Verdict::kAccepted;
  const size_t bytes = deliveries.bytes + kItemBytes;
  const bool full =
      bytes_ + bytes > bytes_max_ || total_->load(std::memory_order_relaxed) > total_max_;
  if (full && !items_.empty()) return Verdict::kFull;
  SetBytesLocked(bytes_ + bytes);
  if (writing_ || !items_.empty()) deliveries.LeaveOthers();
  items_.emplace_back(std::move(deliveries));
  return Verdict::kAccepted;
}

Outbox::Verdict Outbox::PushControl(std::string response) {
  absl::MutexLock lock(&mu_);
  if (closed_) return Verdict::kAccepted;
  if (bytes_ + response.size() > 2 * bytes_max_) return Verdict::kFull;
  SetBytesLocked(bytes_ + response.size());
  items_.emplace_back(std::move(response));
  return Verdict::kAccepted;
}

std::optional<OutboxMessage> Outbox::TakeForWriting() {
  absl::MutexLock lock(&mu_);
  if (writing_ || items_.empty()) return std::nullopt;
  writing_ = true;
  ++taken_;
  if (auto* response = std::get_if<std::string>(&items_.front())) {
    OutboxMessage message = std::move(*response);
    SetBytesLocked(bytes_ - std::get<std::string>(message).size());
    items_.pop_front();
    return message;
  }
  std::vector<Deliveries> batch;
  size_t batch_bytes = 0;
  while (!items_.empty() && batch_bytes < message_bytes_max_) {
    auto* deliveries = std::get_if<Deliveries>(&items_.front());
    if (deliveries == nullptr) break;
    batch_bytes += deliveries->bytes;
    batch.push_back(std::move(*deliveries));
    items_.pop_front();
  }
  SetBytesLocked(bytes_ - batch_bytes - batch.size() * kItemBytes);
  return OutboxMessage(std::move(batch));
}

void Outbox::WriteDone() {
  absl::MutexLock lock(&mu_);
  writing_ = false;
}

void Outbox::Close() {
  std::deque<Item> dropped;
  absl::MutexLock lock(&mu_);
  closed_ = true;
  SetBytesLocked(0);
  dropped.swap(items_);
}

bool Outbox::CloseIfIdle() {
  absl::MutexLock lock(&mu_);
  if (writing_ || !items_.empty()) return false;
  closed_ = true;
  return true;
}

void Outbox::SetBytesLocked(size_t bytes) {
  total_->fetch_add(static_cast<int64_t>(bytes) - static_cast<int64_t>(bytes_),
                    std::memory_order_relaxed);
  bytes_ = bytes;
}

int64_t Outbox::taken() const {
  absl::MutexLock lock(&mu_);
  return taken_;
}

bool Outbox::idle() const {
  absl::MutexLock lock(&mu_);
  return !writing_ && items_.empty();
}

size_t Outbox::bytes() const {
  absl::MutexLock lock(&mu_);
  return bytes_;
}

}  // namespace carillon::delivery
