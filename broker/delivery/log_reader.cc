#include "broker/delivery/log_reader.h"

#include <utility>

namespace carillon::delivery {

LogReader::LogReader(const log::EventLog* log) : log_(log), thread_([this] { Run(); }) {}

LogReader::~LogReader() { Stop(); }

void LogReader::Read(uint64_t after, size_t bytes,
                     std::function<void(absl::StatusOr<log::EventBlockPtr>)> done) {
  absl::MutexLock lock(&mu_);
  if (stopping_) return;
  requests_.push_back({after, bytes, std::move(done)});
}

void LogReader::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    requests_.clear();
  }
  if (thread_.joinable()) thread_.join();
}

void LogReader::Run() {
  while (true) {
    Request request;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(this, &LogReader::HasWork));
      if (stopping_) return;
      request = std::move(requests_.front());
      requests_.pop_front();
    }
    request.done(log_->Read(request.after, request.bytes));
  }
}

}  // namespace carillon::delivery
