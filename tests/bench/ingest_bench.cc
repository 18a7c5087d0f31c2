// What checking and encoding a publish request costs. The object is shaped like those of the wire
// protocol's sample events.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/access/scope.h"
#include "broker/ingest/check_batch.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::ingest {
namespace {

constexpr int kEventsPerBatch = 64;

std::string Object(size_t bytes) {
  std::string object =
      R"({"Validated":true,"Available":true,"Errors":[],"ReadOnly":false,"Meta":{"color":"blue",)"
      R"("icon":"world","title":"Digital Rebar Provision"},"Name":"global","Count":12345,"Params":{)";
  for (int i = 0; object.size() + 60 < bytes; ++i) {
    absl::StrAppend(&object, i == 0 ? "" : ",", "\"change-stage/map-", i,
                    "\":\"packet-ssh-keys:Success\"");
  }
  return object + "}}";
}

std::string EncodedRequest(size_t event_bytes) {
  v1::PublishRequest request;
  for (int i = 0; i < kEventsPerBatch; ++i) {
    v1::Event& event = *request.add_events();
    event.mutable_time()->set_seconds(1'513'898'803);
    event.mutable_time()->set_nanos(412'554'192);
    event.set_type("machines");
    event.set_action("save");
    event.set_key(absl::StrCat("6a1ed2c4-9d5f-4d8e-8e4c-", 100'000'000'000 + i));
    event.set_event_id(absl::StrCat("01ARZ3NDEKTSV4RRFFQ69G5F", i));
    event.set_object(Object(event_bytes - event.ByteSizeLong()));
  }
  return request.SerializeAsString();
}

access::Scope MakeScope(bool is_superuser) {
  v1::Claim claim;
  claim.set_scope(is_superuser ? "*" : "events");
  claim.set_action(is_superuser ? "*" : "post");
  claim.set_specific(is_superuser ? "*" : "machines,profiles");
  return access::Scope({access::CompiledClaim::Compile(claim).value()}, std::nullopt);
}

// Arguments: bytes of an event, and whether the caller may do everything.
void BM_CheckBatch(benchmark::State& state) {
  const std::string request = EncodedRequest(static_cast<size_t>(state.range(0)));
  const access::Scope scope = MakeScope(state.range(1) != 0);
  const absl::Time now = absl::UnixEpoch();
  for (auto _ : state) {
    auto batch = CheckBatch(request, "fred", scope, IngestLimits{}, now);
    if (!batch.ok() || !batch->refused.empty()) state.SkipWithError("an event was refused");
    benchmark::DoNotOptimize(batch);
  }
  const int64_t events = state.iterations() * kEventsPerBatch;
  state.SetItemsProcessed(events);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(request.size()));
}
BENCHMARK(BM_CheckBatch)->ArgNames({"bytes", "superuser"})->ArgsProduct({{500, 10'000}, {0, 1}});

}  // namespace
}  // namespace carillon::ingest
