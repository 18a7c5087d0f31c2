#include "deploy/program/grpc_log.h"

#include <grpc/support/log.h>

#include "deploy/program/logging.h"

namespace carillon::program {
namespace {

Level LevelOf(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return Level::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return Level::kInfo;
    case GPR_LOG_SEVERITY_ERROR:
      break;
  }
  return Level::kWarn;
}

void WriteGrpcLine(gpr_log_func_args* line) {
  // Clients can provoke some of them as often as they like.
  static LimitedLog log(10);
  log.Log(LevelOf(line->severity), "grpc", {{"detail", line->message}});
}

}  // namespace

void RedirectGrpcLog() { gpr_set_log_function(WriteGrpcLine); }

}  // namespace carillon::program
