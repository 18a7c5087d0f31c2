// Messages of gRPC as bytes: written without generated code, and counted without decoding them.
#ifndef CARILLON_TESTS_BENCH_LOAD_GRPC_BYTES_H_
#define CARILLON_TESTS_BENCH_LOAD_GRPC_BYTES_H_

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace carillon::bench {

inline void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

inline void AppendBytesField(uint32_t field, absl::string_view bytes, std::string* out) {
  AppendVarint(field << 3 | 2, out);
  AppendVarint(bytes.size(), out);
  out->append(bytes.data(), bytes.size());
}

inline grpc::ByteBuffer MakeByteBuffer(absl::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

// Counts the elements of the repeated message field `field` within `message`; -1 if it is not a
// message. Slices are read where they lie.
class FieldCounter {
 public:
  // `path`: the field numbers that lead to it; all are messages.
  explicit FieldCounter(std::initializer_list<uint32_t> path) : path_(path) {}

  int64_t Count(const grpc::ByteBuffer& message) const;

 private:
  std::vector<uint32_t> path_;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_GRPC_BYTES_H_
