#include "broker/store/block_format.h"

#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/store/little_endian.h"
#include "carillon/wire/event_view.h"

namespace carillon::store {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 32;
constexpr size_t kEndBytes = sizeof(uint32_t);
constexpr size_t kIdSizeBytes = sizeof(uint16_t);
constexpr size_t kPublisherSizeBytes = 2;

absl::Status Damaged(uint64_t first_sequence, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the block of event ", first_sequence, " in the log is damaged: ", what));
}

}  // namespace

absl::StatusOr<BlockView> BlockView::Parse(uint64_t first_sequence, absl::string_view value) {
  if (value.size() < kHeaderBytes) return Damaged(first_sequence, "it has no whole header");
  const uint8_t version = static_cast<uint8_t>(value[0]);
  if (version != kVersion) {
    return Damaged(first_sequence, absl::StrCat("its version is ", version, ", not ", kVersion));
  }
  BlockView block;
  block.first_sequence_ = first_sequence;
  block.count_ = LoadLittleEndian<uint32_t>(&value[4]);
  block.commit_time_ =
      absl::FromUnixMicros(static_cast<int64_t>(LoadLittleEndian<uint64_t>(&value[8])));
  block.begin_offset_ = LoadLittleEndian<uint64_t>(&value[16]);
  const uint64_t ends_bytes = uint64_t{block.count_} * kEndBytes;
  const uint64_t record_bytes = LoadLittleEndian<uint32_t>(&value[24]);
  const uint64_t id_bytes = LoadLittleEndian<uint32_t>(&value[28]);
  if (block.count_ == 0) return Damaged(first_sequence, "it holds no events");
  if (kHeaderBytes + ends_bytes + record_bytes + id_bytes != value.size()) {
    return Damaged(first_sequence, "its parts do not add up to its size");
  }
  block.ends_ = value.substr(kHeaderBytes, ends_bytes);
  block.records_ = value.substr(kHeaderBytes + ends_bytes, record_bytes);
  block.id_keys_ = value.substr(kHeaderBytes + ends_bytes + record_bytes);
  if (block.record_begin(block.count_) != record_bytes) {
    return Damaged(first_sequence, "its last record does not end where the records end");
  }
  return block;
}

uint32_t BlockView::record_begin(uint32_t i) const {
  return i == 0 ? 0 : LoadLittleEndian<uint32_t>(&ends_[(i - 1) * kEndBytes]);
}

absl::StatusOr<std::vector<std::string>> BlockView::EventIdKeys() const {
  std::vector<std::string> keys;
  absl::string_view rest = id_keys_;
  while (!rest.empty()) {
    if (rest.size() < kIdSizeBytes) return Damaged(first_sequence_, "an event id is cut short");
    const size_t size = LoadLittleEndian<uint16_t>(rest.data());
    rest.remove_prefix(kIdSizeBytes);
    if (rest.size() < size) return Damaged(first_sequence_, "an event id is cut short");
    keys.emplace_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return keys;
}

size_t BlockBuilder::SizeOf(absl::string_view record, absl::string_view publisher,
                            absl::string_view event_id) {
  const size_t id_bytes =
      event_id.empty() ? 0
                       : kIdSizeBytes + kPublisherSizeBytes + publisher.size() + event_id.size();
  return kHeaderBytes + kEndBytes + record.size() + id_bytes;
}

bool BlockBuilder::HasRoomFor(absl::string_view record, absl::string_view id_key) const {
  const size_t more =
      kEndBytes + record.size() + (id_key.empty() ? 0 : kIdSizeBytes + id_key.size());
  return value_bytes() + more <= kValueBytesMax;
}

void BlockBuilder::Add(absl::string_view record, absl::string_view id_key) {
  const size_t begin = records_.size();
  const log::PositionText position = log::EncodePosition({first_.epoch, next_sequence()});
  absl::StrAppend(&records_, record);
  wire::SetRecordPosition(&records_[begin], absl::string_view(position.data(), position.size()));
  ends_.push_back(static_cast<uint32_t>(records_.size()));
  if (id_key.empty()) return;
  char size[kIdSizeBytes];
  StoreLittleEndian(static_cast<uint16_t>(id_key.size()), size);
  absl::StrAppend(&id_keys_, absl::string_view(size, kIdSizeBytes), id_key);
}

size_t BlockBuilder::value_bytes() const {
  return kHeaderBytes + ends_.size() * kEndBytes + records_.size() + id_keys_.size();
}

void BlockBuilder::WriteTo(char* value, absl::Time commit_time, uint64_t begin_offset) const {
  std::memset(value, 0, kHeaderBytes);
  StoreLittleEndian(kVersion, value);
  StoreLittleEndian(static_cast<uint32_t>(ends_.size()), value + 4);
  StoreLittleEndian(static_cast<uint64_t>(absl::ToUnixMicros(commit_time)), value + 8);
  StoreLittleEndian(begin_offset, value + 16);
  StoreLittleEndian(static_cast<uint32_t>(records_.size()), value + 24);
  StoreLittleEndian(static_cast<uint32_t>(id_keys_.size()), value + 28);
  char* out = value + kHeaderBytes;
  for (const uint32_t end : ends_) {
    StoreLittleEndian(end, out);
    out += kEndBytes;
  }
  std::memcpy(out, records_.data(), records_.size());
  std::memcpy(out + records_.size(), id_keys_.data(), id_keys_.size());
}

log::EventBlockPtr BlockBuilder::Finish() {
  return std::make_shared<log::EventBlock>(first_.sequence, std::move(records_), std::move(ends_));
}

std::string EventIdKey(absl::string_view publisher, absl::string_view event_id) {
  const char size[] = {static_cast<char>(publisher.size() >> 8),
                       static_cast<char>(publisher.size())};
  return absl::StrCat(absl::string_view(size, sizeof(size)), publisher, event_id);
}

}  // namespace carillon::store
