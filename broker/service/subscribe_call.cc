#include "broker/service/subscribe_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/match/compiled_filter.h"
#include "broker/service/event_call_auth.h"

namespace carillon::service {
namespace {

constexpr int kChangesPerRequestMax = 10'000;

template <typename Message>
absl::Status Parse(grpc::ByteBuffer* buffer, Message* message) {
  if (grpc::SerializationTraits<Message>::Deserialize(buffer, message).ok()) {
    return absl::OkStatus();
  }
  return wire::Error(absl::StatusCode::kInvalidArgument, "REQUEST_MALFORMED",
                     absl::StrCat("not a valid ", message->GetTypeName()));
}

absl::Status CheckCount(absl::string_view field, int count) {
  if (count >= 1 && count <= kChangesPerRequestMax) return absl::OkStatus();
  return wire::FieldError(field, absl::StrCat("has ", count, " elements; 1 to ",
                                              kChangesPerRequestMax, " are allowed"));
}

}  // namespace

SubscribeCall::SubscribeCall(grpc::CallbackServerContext* context, const CallContext* call_context)
    : DeliveryCall(context, call_context) {
  OpenCallSession(context, *call_context, "carillon.v1.EventService/Subscribe",
                  [this](absl::StatusOr<access::SessionPtr> session) {
                    Begin(std::move(session));
                    AuthenticationDone();
                  });
}

void SubscribeCall::Begin(absl::StatusOr<access::SessionPtr> session) {
  if (!session.ok()) return EndWith(session.status());
  if (OpenStream(delivery::StreamKind::kSubscribe, *std::move(session))) ReadNext();
}

void SubscribeCall::ReadNext() {
  absl::MutexLock lock(&mutex());
  if (!finished()) StartRead(&request_);
}

// A client that has closed its side has nothing more to ask for, but still wants its events.
void SubscribeCall::OnReadDone(bool ok) {
  if (!ok) return;
  v1::SubscribeRequest request;
  const absl::Status parsed = Parse(&request_, &request);
  request_.Clear();
  if (!parsed.ok()) return EndWith(parsed);
  Handle(request);
}

void SubscribeCall::Handle(const v1::SubscribeRequest& request) {
  delivery::Dispatcher& dispatcher = *call_context().dispatcher;
  switch (request.request_case()) {
    case v1::SubscribeRequest::kAdd:
      return Add(request.add());
    case v1::SubscribeRequest::kRemove: {
      const auto& ids = request.remove().subscription_ids();
      const absl::Status count = CheckCount("remove.subscription_ids", ids.size());
      if (!count.ok()) return EndWith(count);
      return dispatcher.Remove(subscriber(), {ids.begin(), ids.end()});
    }
    case v1::SubscribeRequest::kStart:
      return dispatcher.StartDelivery(subscriber(), request.start());
    case v1::SubscribeRequest::REQUEST_NOT_SET:
      return EndWith(wire::FieldError("request", "one of add, remove and start must be set"));
  }
}

void SubscribeCall::Add(const v1::AddSubscriptions& add) {
  const absl::Status count = CheckCount("add.subscriptions", add.subscriptions_size());
  if (!count.ok()) return EndWith(count);
  const access::Session& session = *subscriber()->session;
  const access::Identity own = {session.grant, session.scope()};
  // Else its end would be taken for that of a session it names.
  if (own.scope == nullptr) return EndWith(session.end());
  std::vector<delivery::NewSubscription> subscriptions;
  for (int i = 0; i < add.subscriptions_size(); ++i) {
    absl::StatusOr<delivery::NewSubscription> subscription = Compile(add.subscriptions(i), i, own);
    if (subscription.ok()) {
      subscriptions.push_back(*std::move(subscription));
      continue;
    }
    v1::SubscribeResponse closed;
    closed.mutable_closed()->add_subscription_ids(add.subscriptions(i).subscription_id());
    *closed.mutable_closed()->mutable_error() = wire::ToRpcStatus(subscription.status());
    call_context().dispatcher->Respond(subscriber(), closed);
  }
  call_context().dispatcher->Add(subscriber(), std::move(subscriptions));
}

absl::StatusOr<delivery::NewSubscription> SubscribeCall::Compile(
    const v1::Subscription& subscription, int index, const access::Identity& own) {
  const std::string path = absl::StrCat("add.subscriptions[", index, "]");
  delivery::NewSubscription compiled;
  compiled.id = subscription.subscription_id();
  if (compiled.id < 1) {
    return wire::FieldError(absl::StrCat(path, ".subscription_id"),
                            absl::StrCat("is ", compiled.id, "; must be 1 or more"));
  }
  auto filter = match::CompiledFilter::Compile(subscription.filter());
  if (!filter.ok()) {
    return wire::FieldErrorFromMessage(filter.status(), absl::StrCat(path, ".filter"));
  }
  compiled.filter = *std::move(filter);
  compiled.filter_bytes = subscription.filter().ByteSizeLong();
  compiled.scope_id = subscription.scope();
  compiled.after = subscription.after();
  if (!subscription.session_id().empty()) {
    auto session = call_context().access->FindSession(own, subscription.session_id());
    if (!session.ok()) return session.status();
    compiled.session = *std::move(session);
    compiled.opened_by = own.scope;
  }
  return compiled;
}

WatchCall::WatchCall(grpc::CallbackServerContext* context, const CallContext* call_context,
                     const grpc::ByteBuffer& request)
    : DeliveryCall(context, call_context) {
  grpc::ByteBuffer bytes(request);
  const absl::Status parsed = Parse(&bytes, &request_);
  if (!parsed.ok()) {
    EndWith(parsed);
    AuthenticationDone();
    return;
  }
  OpenCallSession(context, *call_context, "carillon.v1.EventService/Watch",
                  [this](absl::StatusOr<access::SessionPtr> session) {
                    Begin(std::move(session));
                    AuthenticationDone();
                  });
}

void WatchCall::Begin(absl::StatusOr<access::SessionPtr> session) {
  if (!session.ok()) return EndWith(session.status());
  auto filter = match::CompiledFilter::Compile(request_.filter());
  if (!filter.ok()) return EndWith(wire::FieldErrorFromMessage(filter.status(), "filter"));
  if (!OpenStream(delivery::StreamKind::kWatch, *std::move(session))) return;
  std::vector<delivery::NewSubscription> one(1);
  one[0].id = 1;
  one[0].filter = *std::move(filter);
  one[0].filter_bytes = request_.filter().ByteSizeLong();
  call_context().dispatcher->Add(subscriber(), std::move(one));
  v1::StartDelivery delivery;
  *delivery.mutable_start() = request_.start();
  delivery.set_until(request_.until());
  call_context().dispatcher->StartDelivery(subscriber(), delivery);
}

}  // namespace carillon::service
