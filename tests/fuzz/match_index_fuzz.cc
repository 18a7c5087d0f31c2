// The match index beside a loop over all filters.
#include "tests/fuzz/fuzz.h"
#include "tests/unit/match/match_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  carillon::match::MatchModel model;
  const std::string fault = model.Run(carillon::fuzz::TextOf(data, size));
  carillon::fuzz::Require(fault.empty(), fault);
  return 0;
}
