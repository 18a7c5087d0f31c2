// Keeps Protocol Buffers from logging each input it refuses.
#ifndef CARILLON_TESTS_FUZZ_QUIET_PROTOBUF_H_
#define CARILLON_TESTS_FUZZ_QUIET_PROTOBUF_H_

#include <google/protobuf/stubs/logging.h>

namespace carillon::fuzz {

inline const bool kProtobufIsQuiet = [] {
  google::protobuf::SetLogHandler(nullptr);
  return true;
}();

}  // namespace carillon::fuzz

#endif  // CARILLON_TESTS_FUZZ_QUIET_PROTOBUF_H_
