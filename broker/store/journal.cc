#include "broker/store/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/base/internal/raw_logging.h"
#include "absl/strings/str_cat.h"
#include "broker/store/block_format.h"
#include "broker/store/little_endian.h"

namespace carillon::store {
namespace {

constexpr size_t kHeaderBytes = 24;
constexpr size_t kSummed = sizeof(uint32_t);
constexpr size_t kEpochAt = 8;
constexpr size_t kIndexBytes = sizeof(uint32_t);

uint64_t FrameBytes(uint64_t block_bytes, uint64_t id_count) {
  return kHeaderBytes + block_bytes + id_count * kIndexBytes;
}

uint32_t Checksum(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

absl::Status ErrnoStatus(absl::string_view doing, absl::string_view path) {
  const absl::Status status = absl::ErrnoToStatus(errno, absl::StrCat(doing, " ", path));
  if (!absl::IsResourceExhausted(status)) return status;
  return absl::ResourceExhaustedError(absl::StrCat(status.message(), "; make room on the disk"));
}

absl::Status WriteAll(int fd, const std::string& path, absl::string_view bytes, size_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus("writing", path);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

// Gives the file its size: later writes then change nothing but its bytes.
absl::Status Fill(int fd, const std::string& path) {
  struct stat file;
  if (fstat(fd, &file) != 0) return ErrnoStatus("looking at", path);
  const auto size = static_cast<size_t>(file.st_size);
  if (size >= Journal::kBytes) return absl::OkStatus();
  return WriteAll(fd, path, std::string(Journal::kBytes - size, '\0'), size);
}

absl::StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  std::string bytes(Journal::kBytes, '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = pread(fd, &bytes[size], bytes.size() - size, static_cast<off_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("reading", path);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

// The frame that `bytes` begin with, if there is one.
std::optional<Journal::Frame> ParseFrame(absl::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const uint64_t block_bytes = LoadLittleEndian<uint32_t>(&bytes[4]);
  const uint64_t id_count = LoadLittleEndian<uint32_t>(&bytes[12]);
  const uint64_t size = FrameBytes(block_bytes, id_count);
  if (size > bytes.size()) return std::nullopt;
  const absl::string_view summed = bytes.substr(kSummed, size - kSummed);
  if (LoadLittleEndian<uint32_t>(&bytes[0]) != Checksum(summed)) return std::nullopt;
  Journal::Frame frame;
  frame.first_sequence = LoadLittleEndian<uint64_t>(&bytes[16]);
  frame.block = std::string(bytes.substr(kHeaderBytes, block_bytes));
  for (uint64_t i = 0; i < id_count; ++i) {
    frame.id_events.push_back(
        LoadLittleEndian<uint32_t>(&bytes[kHeaderBytes + block_bytes + i * kIndexBytes]));
  }
  return frame;
}

uint32_t EpochOf(absl::string_view frame) { return LoadLittleEndian<uint32_t>(&frame[kEpochAt]); }

absl::Status OfAnotherStore(absl::string_view path) {
  return absl::FailedPreconditionError(
      absl::StrCat(path,
                   ": it belongs to another store: put its own store.mdb beside it, or remove the "
                   "journal and with it what that store has not got yet"));
}

absl::Status OfAnotherState(absl::string_view path, uint64_t first_sequence, uint64_t stored_end) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": it goes on with event ", first_sequence, " where the store needs event ", stored_end,
      ": restore both from the same backup, or remove the journal and with it the newest events"));
}

absl::Status Damaged(absl::string_view path, uint64_t sequence) {
  return absl::DataLossError(absl::StrCat(
      path, ": it is damaged where event ", sequence,
      " should be, and there are events behind: restore the folder from a backup, or remove the "
      "journal and with it the newest events"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& path, uint32_t epoch) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("opening", path);
  std::unique_ptr<Journal> journal(new Journal(fd, path, epoch));
  if (absl::Status status = Fill(fd, path); !status.ok()) return status;
  return journal;
}

Journal::~Journal() { close(fd_); }

absl::StatusOr<std::vector<Journal::Frame>> Journal::Recover(uint64_t stored_end) {
  const absl::StatusOr<std::string> bytes = ReadAll(fd_, path_);
  if (!bytes.ok()) return bytes.status();
  std::array<Row, 2> rows;
  for (size_t i = 0; i < rows.size(); ++i) {
    const absl::string_view half = absl::string_view(*bytes).substr(i * kHalfBytes, kHalfBytes);
    absl::StatusOr<Row> row = ReadRow(half, stored_end);
    if (!row.ok()) return row.status();
    rows[i] = *std::move(row);
    // Of a half without frames that count nothing is kept, whatever they say.
    halves_[i] = rows[i].frames.empty() ? Half() : rows[i].half;
  }
  current_ = halves_[1].next_sequence > halves_[0].next_sequence ? 1 : 0;

  std::vector<Frame> frames;
  uint64_t next_sequence = stored_end;
  for (const size_t i : {1 - current_, current_}) {
    if (rows[i].frames.empty()) continue;
    const uint64_t first_sequence = rows[i].frames.front().first_sequence;
    if (first_sequence != next_sequence) {
      return next_sequence == stored_end ? OfAnotherState(path_, first_sequence, stored_end)
                                         : Damaged(path_, next_sequence);
    }
    next_sequence = halves_[i].next_sequence;
    std::move(rows[i].frames.begin(), rows[i].frames.end(), std::back_inserter(frames));
  }
  for (const Row& row : rows) {
    absl::Status status = CheckNothingBehind(row.rest, next_sequence);
    if (!status.ok()) return status;
  }
  // What was read may be in memory alone, if the program that wrote it was killed meanwhile.
  if (fdatasync(fd_) != 0) return ErrnoStatus("flushing", path_);
  return frames;
}

absl::StatusOr<Journal::Row> Journal::ReadRow(absl::string_view bytes, uint64_t stored_end) const {
  Row row;
  Half& half = row.half;
  while (std::optional<Frame> frame = ParseFrame(bytes)) {
    const bool is_first = half.bytes == 0;
    if (EpochOf(bytes) != epoch_) {
      if (is_first) return OfAnotherStore(path_);
      break;
    }
    if (!is_first && frame->first_sequence != half.next_sequence) break;
    const absl::StatusOr<BlockView> block = BlockView::Parse(frame->first_sequence, frame->block);
    if (!block.ok()) {
      return absl::Status(block.status().code(),
                          absl::StrCat(path_, ": ", block.status().message()));
    }
    half.next_sequence = frame->next_sequence = block->next_sequence();
    const uint64_t size = FrameBytes(frame->block.size(), frame->id_events.size());
    bytes.remove_prefix(size);
    half.bytes += size;
    if (frame->first_sequence >= stored_end) row.frames.push_back(*std::move(frame));
  }
  row.rest = bytes;
  return row;
}

absl::Status Journal::CheckNothingBehind(absl::string_view rest, uint64_t next_sequence) const {
  char epoch[sizeof(uint32_t)];
  StoreLittleEndian(epoch_, epoch);
  const absl::string_view pattern(epoch, sizeof(epoch));
  for (size_t at = rest.find(pattern, kEpochAt); at != rest.npos; at = rest.find(pattern, at + 1)) {
    const std::optional<Frame> frame = ParseFrame(rest.substr(at - kEpochAt));
    if (frame.has_value() && frame->first_sequence >= next_sequence) {
      return Damaged(path_, next_sequence);
    }
  }
  return absl::OkStatus();
}

std::optional<size_t> Journal::HalfFor(uint64_t first_sequence, uint64_t frame_bytes,
                                       uint64_t stored_end) const {
  const Half& half = halves_[current_];
  const bool goes_on = half.bytes == 0 || half.next_sequence == first_sequence;
  if (goes_on && half.bytes + frame_bytes <= kHalfBytes) return current_;
  const size_t other = 1 - current_;
  const bool is_free = halves_[other].next_sequence <= stored_end;
  return is_free && frame_bytes <= kHalfBytes ? std::make_optional(other) : std::nullopt;
}

bool Journal::HasRoomFor(uint64_t first_sequence, size_t block_bytes, size_t id_count,
                         uint64_t stored_end) const {
  return HalfFor(first_sequence, FrameBytes(block_bytes, id_count), stored_end).has_value();
}

absl::Status Journal::Append(const Frame& frame, uint64_t stored_end) {
  std::string bytes(FrameBytes(frame.block.size(), frame.id_events.size()), '\0');
  StoreLittleEndian(static_cast<uint32_t>(frame.block.size()), &bytes[4]);
  StoreLittleEndian(epoch_, &bytes[kEpochAt]);
  StoreLittleEndian(static_cast<uint32_t>(frame.id_events.size()), &bytes[12]);
  StoreLittleEndian(frame.first_sequence, &bytes[16]);
  char* out = std::copy(frame.block.begin(), frame.block.end(), &bytes[kHeaderBytes]);
  for (const uint32_t index : frame.id_events) {
    StoreLittleEndian(index, out);
    out += kIndexBytes;
  }
  StoreLittleEndian(Checksum(absl::string_view(bytes).substr(kSummed)), &bytes[0]);

  const std::optional<size_t> index = HalfFor(frame.first_sequence, bytes.size(), stored_end);
  ABSL_RAW_CHECK(index.has_value(), "the journal has no room");
  if (*index != current_) halves_[*index] = Half();
  current_ = *index;
  Half& half = halves_[current_];
  const size_t offset = current_ * kHalfBytes + half.bytes;
  if (absl::Status status = WriteAll(fd_, path_, bytes, offset); !status.ok()) {
    // It may lie there whole: see to it that it does not count, if that can be written.
    WriteAll(fd_, path_, std::string(kHeaderBytes, '\0'), offset).IgnoreError();
    return status;
  }
  half.bytes += bytes.size();
  half.next_sequence = frame.next_sequence;
  return absl::OkStatus();
}

absl::Status Journal::Erase() {
  halves_ = {};
  current_ = 0;
  return WriteAll(fd_, path_, std::string(kBytes, '\0'), 0);
}

}  // namespace carillon::store
