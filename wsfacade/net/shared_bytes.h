// Bytes that many outboxes share.
#ifndef CARILLON_WSFACADE_NET_SHARED_BYTES_H_
#define CARILLON_WSFACADE_NET_SHARED_BYTES_H_

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <string>
#include <utility>

namespace carillon::facade {

// Counted by reference across threads; never changed once shared.
class SharedBytes : public boost::intrusive_ref_counter<SharedBytes, boost::thread_safe_counter> {
 public:
  explicit SharedBytes(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }

 private:
  friend class Outbox;
  std::string bytes_;
  // Made by an outbox for itself alone, which may add to it.
  bool exclusive_ = false;
};

using SharedBytesPtr = boost::intrusive_ptr<SharedBytes>;

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_SHARED_BYTES_H_
