#include "tests/unit/log/memory_event_log.h"

#include "tests/unit/log/event_log_contract.h"

namespace carillon::log {
namespace {

class MemoryHome : public EventLogHome {
 public:
  EventLog* log() override { return &log_; }
  void Reopen() override {}

 private:
  MemoryEventLog log_{7};
};

std::unique_ptr<EventLogHome> MakeMemoryHome() { return std::make_unique<MemoryHome>(); }

INSTANTIATE_TEST_SUITE_P(Memory, EventLogContract, testing::Values(&MakeMemoryHome));

}  // namespace
}  // namespace carillon::log
