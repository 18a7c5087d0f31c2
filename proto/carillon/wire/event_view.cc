#include "carillon/wire/event_view.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstring>
#include <limits>

#include "carillon/v1/event.pb.h"

namespace carillon::wire {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using v1::Event;

constexpr uint8_t kRecordTag = (1 << 3) | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
constexpr uint8_t kPositionTag =
    (Event::kPositionFieldNumber << 3) | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
constexpr size_t kPositionFieldSize = 2 + kPositionSize;

CodedInputStream Open(absl::string_view bytes) {
  return CodedInputStream(reinterpret_cast<const uint8_t*>(bytes.data()),
                          static_cast<int>(bytes.size()));
}

// Larger than any message gRPC hands out; CodedInputStream counts in int.
bool TooLarge(absl::string_view bytes) {
  return bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max());
}

bool ReadBytes(CodedInputStream* in, absl::string_view* value) {
  uint32_t size;
  if (!in->ReadVarint32(&size)) return false;
  if (size == 0) {
    *value = {};
    return true;
  }
  const void* data;
  int available;
  if (!in->GetDirectBufferPointer(&data, &available)) return false;
  if (size > static_cast<uint32_t>(available)) return false;
  *value = absl::string_view(static_cast<const char*>(data), size);
  return in->Skip(static_cast<int>(size));
}

bool IsBytes(uint32_t tag) {
  return WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

bool IsVarint(uint32_t tag) {
  return WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_VARINT;
}

// ReadTag answers 0 both at the end and for a tag that is malformed.
bool AtEnd(CodedInputStream* in) { return in->ConsumedEntireMessage(); }

bool ParseTime(absl::string_view encoded, EventTime* time) {
  CodedInputStream in = Open(encoded);
  while (uint32_t tag = in.ReadTag()) {
    uint64_t value;
    if (!IsVarint(tag)) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    if (!in.ReadVarint64(&value)) return false;
    if (WireFormatLite::GetTagFieldNumber(tag) == 1) time->seconds = static_cast<int64_t>(value);
    if (WireFormatLite::GetTagFieldNumber(tag) == 2) time->nanos = static_cast<int32_t>(value);
  }
  return AtEnd(&in);
}

absl::string_view* TextField(EventView* event, int field_number) {
  switch (field_number) {
    case Event::kTypeFieldNumber:
      return &event->type;
    case Event::kActionFieldNumber:
      return &event->action;
    case Event::kKeyFieldNumber:
      return &event->key;
    case Event::kPrincipalFieldNumber:
      return &event->principal;
    case Event::kObjectFieldNumber:
      return &event->object;
    case Event::kOriginalFieldNumber:
      return &event->original;
    case Event::kEventIdFieldNumber:
      return &event->event_id;
    case Event::kPositionFieldNumber:
      return &event->position;
    default:
      return nullptr;
  }
}

size_t FieldSize(absl::string_view value) {
  if (value.empty()) return 0;
  return 1 + CodedOutputStream::VarintSize32(static_cast<uint32_t>(value.size())) + value.size();
}

uint8_t* WriteField(int field_number, absl::string_view value, uint8_t* out) {
  if (value.empty()) return out;
  out = CodedOutputStream::WriteTagToArray(
      static_cast<uint32_t>(field_number << 3) | WireFormatLite::WIRETYPE_LENGTH_DELIMITED, out);
  out = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(value.size()), out);
  std::memcpy(out, value.data(), value.size());
  return out + value.size();
}

size_t TimeSize(const EventTime& time) {
  size_t size = 0;
  if (time.seconds != 0) {
    size += 1 + CodedOutputStream::VarintSize64(static_cast<uint64_t>(time.seconds));
  }
  if (time.nanos != 0) {
    size += 1 + CodedOutputStream::VarintSize32SignExtended(time.nanos);
  }
  return size;
}

uint8_t* WriteTime(const EventTime& time, size_t size, uint8_t* out) {
  *out++ = (Event::kTimeFieldNumber << 3) | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
  *out++ = static_cast<uint8_t>(size);
  if (time.seconds != 0) {
    *out++ = 1 << 3;
    out = CodedOutputStream::WriteVarint64ToArray(static_cast<uint64_t>(time.seconds), out);
  }
  if (time.nanos != 0) {
    *out++ = 2 << 3;
    out = CodedOutputStream::WriteVarint32SignExtendedToArray(time.nanos, out);
  }
  return out;
}

}  // namespace

bool ParseEvent(absl::string_view encoded, EventView* event) {
  if (TooLarge(encoded)) return false;
  CodedInputStream in = Open(encoded);
  while (uint32_t tag = in.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    absl::string_view time;
    absl::string_view* field = number == Event::kTimeFieldNumber ? &time : TextField(event, number);
    if (field == nullptr || !IsBytes(tag)) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    if (!ReadBytes(&in, field)) return false;
    if (number == Event::kTimeFieldNumber) {
      event->has_time = true;
      if (!ParseTime(time, &event->time)) return false;
    }
  }
  return AtEnd(&in);
}

bool SplitRepeated(absl::string_view message, uint32_t field_number,
                   std::vector<absl::string_view>* payloads) {
  if (TooLarge(message)) return false;
  CodedInputStream in = Open(message);
  while (uint32_t tag = in.ReadTag()) {
    if (static_cast<uint32_t>(WireFormatLite::GetTagFieldNumber(tag)) != field_number ||
        !IsBytes(tag)) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    absl::string_view payload;
    if (!ReadBytes(&in, &payload)) return false;
    payloads->push_back(payload);
  }
  return AtEnd(&in);
}

bool ParseRepeatedInt64(absl::string_view message, uint32_t field_number,
                        std::vector<int64_t>* values) {
  if (TooLarge(message)) return false;
  CodedInputStream in = Open(message);
  while (uint32_t tag = in.ReadTag()) {
    uint64_t value;
    if (static_cast<uint32_t>(WireFormatLite::GetTagFieldNumber(tag)) != field_number) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
    } else if (IsVarint(tag)) {
      if (!in.ReadVarint64(&value)) return false;
      values->push_back(static_cast<int64_t>(value));
    } else if (IsBytes(tag)) {
      absl::string_view packed;
      if (!ReadBytes(&in, &packed)) return false;
      CodedInputStream numbers = Open(packed);
      while (!packed.empty() && numbers.CurrentPosition() < static_cast<int>(packed.size())) {
        if (!numbers.ReadVarint64(&value)) return false;
        values->push_back(static_cast<int64_t>(value));
      }
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return false;
    }
  }
  return AtEnd(&in);
}

size_t AppendEventRecord(const EventView& event, std::string* out) {
  const size_t time_size = event.has_time ? TimeSize(event.time) : 0;
  const size_t event_size = kPositionFieldSize + (event.has_time ? 2 + time_size : 0) +
                            FieldSize(event.type) + FieldSize(event.action) + FieldSize(event.key) +
                            FieldSize(event.principal) + FieldSize(event.object) +
                            FieldSize(event.original) + FieldSize(event.event_id);
  const size_t record_size =
      1 + CodedOutputStream::VarintSize32(static_cast<uint32_t>(event_size)) + event_size;
  const size_t start = out->size();
  out->resize(start + record_size);
  uint8_t* p = reinterpret_cast<uint8_t*>(out->data() + start);
  *p++ = kRecordTag;
  p = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(event_size), p);
  *p++ = kPositionTag;
  *p++ = kPositionSize;
  std::memset(p, '-', kPositionSize);
  p += kPositionSize;
  if (event.has_time) p = WriteTime(event.time, time_size, p);
  p = WriteField(Event::kTypeFieldNumber, event.type, p);
  p = WriteField(Event::kActionFieldNumber, event.action, p);
  p = WriteField(Event::kKeyFieldNumber, event.key, p);
  p = WriteField(Event::kPrincipalFieldNumber, event.principal, p);
  p = WriteField(Event::kObjectFieldNumber, event.object, p);
  p = WriteField(Event::kOriginalFieldNumber, event.original, p);
  WriteField(Event::kEventIdFieldNumber, event.event_id, p);
  return record_size;
}

void SetRecordPosition(char* record, absl::string_view position) {
  char* p = record + 1;
  while ((static_cast<uint8_t>(*p) & 0x80) != 0) ++p;
  std::memcpy(p + 1 + 2, position.data(), kPositionSize);
}

absl::string_view EventOfRecord(absl::string_view record) {
  size_t header = 1;
  while (header < record.size() && (static_cast<uint8_t>(record[header]) & 0x80) != 0) ++header;
  return record.substr(header + 1);
}

size_t FirstRecordSize(absl::string_view records) {
  if (records.empty() || TooLarge(records)) return 0;
  CodedInputStream in = Open(records);
  uint32_t size;
  if (in.ReadTag() != kRecordTag || !in.ReadVarint32(&size)) return 0;
  const size_t whole = static_cast<size_t>(in.CurrentPosition()) + size;
  return whole <= records.size() ? whole : 0;
}

}  // namespace carillon::wire
