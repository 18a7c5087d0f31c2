#include "broker/store/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/store/block_format.h"
#include "broker/store/little_endian.h"

namespace carillon::store {
namespace {

constexpr size_t kHeaderBytes = 24;
constexpr size_t kSummed = sizeof(uint32_t);
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

uint32_t EpochOf(absl::string_view frame) { return LoadLittleEndian<uint32_t>(&frame[8]); }

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& path, uint32_t epoch) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("opening", path);
  std::unique_ptr<Journal> journal(new Journal(fd, path, epoch));
  if (absl::Status status = Fill(fd, path); !status.ok()) return status;
  return journal;
}

Journal::~Journal() { close(fd_); }

absl::StatusOr<std::vector<Journal::Frame>> Journal::Recover(uint64_t next_sequence) {
  const absl::StatusOr<std::string> bytes = ReadAll(fd_, path_);
  if (!bytes.ok()) return bytes.status();
  std::vector<Frame> frames;
  absl::string_view rest = *bytes;
  end_ = 0;
  while (std::optional<Frame> frame = ParseFrame(rest)) {
    if (EpochOf(rest) != epoch_) {
      return absl::FailedPreconditionError(absl::StrCat(
          path_,
          ": it belongs to another store: put its own store.mdb beside it, or remove the "
          "journal and with it what that store has not got yet"));
    }
    if (end_ == 0 && frame->first_sequence > next_sequence) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, ": it goes on with event ", frame->first_sequence,
                       " where the store needs event ", next_sequence,
                       ": restore both from the same backup, or remove the journal and with it "
                       "the newest events"));
    }
    if (frame->first_sequence != next_sequence) break;
    const absl::StatusOr<BlockView> block = BlockView::Parse(frame->first_sequence, frame->block);
    if (!block.ok()) {
      return absl::Status(block.status().code(),
                          absl::StrCat(path_, ": ", block.status().message()));
    }
    next_sequence = block->next_sequence();
    const uint64_t size = FrameBytes(frame->block.size(), frame->id_events.size());
    rest.remove_prefix(size);
    end_ += size;
    frames.push_back(*std::move(frame));
  }
  if (absl::Status whole = CheckNothingBehind(rest, next_sequence); !whole.ok()) return whole;
  return frames;
}

absl::Status Journal::CheckNothingBehind(absl::string_view rest, uint64_t next_sequence) const {
  for (; rest.size() >= kHeaderBytes; rest.remove_prefix(1)) {
    if (EpochOf(rest) != epoch_) continue;
    const std::optional<Frame> frame = ParseFrame(rest);
    if (!frame.has_value() || frame->first_sequence < next_sequence) continue;
    return absl::DataLossError(absl::StrCat(
        path_, ": it is damaged where event ", next_sequence,
        " should be, and there are events behind: restore the folder from a backup, or remove the "
        "journal and with it the newest events"));
  }
  return absl::OkStatus();
}

bool Journal::HasRoomFor(size_t block_bytes, size_t id_count) const {
  return end_ + FrameBytes(block_bytes, id_count) <= kBytes;
}

absl::Status Journal::Append(const Frame& frame) {
  std::string bytes(FrameBytes(frame.block.size(), frame.id_events.size()), '\0');
  StoreLittleEndian(static_cast<uint32_t>(frame.block.size()), &bytes[4]);
  StoreLittleEndian(epoch_, &bytes[8]);
  StoreLittleEndian(static_cast<uint32_t>(frame.id_events.size()), &bytes[12]);
  StoreLittleEndian(frame.first_sequence, &bytes[16]);
  char* out = std::copy(frame.block.begin(), frame.block.end(), &bytes[kHeaderBytes]);
  for (const uint32_t index : frame.id_events) {
    StoreLittleEndian(index, out);
    out += kIndexBytes;
  }
  StoreLittleEndian(Checksum(absl::string_view(bytes).substr(kSummed)), &bytes[0]);
  if (absl::Status status = WriteAll(fd_, path_, bytes, end_); !status.ok()) {
    // It may lie there whole, but it does not count.
    WriteAll(fd_, path_, std::string(kHeaderBytes, '\0'), end_).IgnoreError();
    return status;
  }
  end_ += bytes.size();
  return absl::OkStatus();
}

absl::Status Journal::Erase() {
  end_ = 0;
  return WriteAll(fd_, path_, std::string(kHeaderBytes, '\0'), 0);
}

}  // namespace carillon::store
