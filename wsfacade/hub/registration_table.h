// One I/O thread's registrations: which of its websockets are to get what. Pure.
#ifndef CARILLON_WSFACADE_HUB_REGISTRATION_TABLE_H_
#define CARILLON_WSFACADE_HUB_REGISTRATION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "wsfacade/hub/scope.h"
#include "wsfacade/hub/upstream_table.h"
#include "wsfacade/net/shared_bytes.h"

namespace carillon::facade {

class Registrant;

// A scope and filter for which websockets of this thread have registered.
struct LocalSubscription {
  struct Member {
    Registrant* registrant;
    // In the registrant's registrations.
    uint32_t index;
  };

  // Of it only the constant members may be read here.
  UpstreamSubscription* upstream = nullptr;
  ScopePtr scope;
  absl::string_view filter;
  // In force: confirmed by the broker, and found by Deliver.
  bool live = false;
  // For good: its members are to deregister, and who comes now gets another.
  bool refused = false;
  std::vector<Member> members;
};

struct Registration {
  LocalSubscription* subscription;
  // In the subscription's members.
  uint32_t index;
};

// Who registers: a websocket. RegistrationTable keeps its registrations.
class Registrant {
 public:
  Registrant() = default;
  virtual ~Registrant() = default;
  Registrant(const Registrant&) = delete;
  Registrant& operator=(const Registrant&) = delete;

  // None of these may change the table before it returns.

  // A subscription that it has registered for has come into force.
  virtual void OnLive() = 0;
  // A subscription that it has registered for is in force no more: until OnLive it is given nothing
  // for it.
  virtual void OnInterrupted() = 0;
  // An event for it: a frame, the range [begin, end) of `frames`. False: it does not take it.
  virtual bool OnEvent(const SharedBytesPtr& frames, uint32_t begin, uint32_t end) = 0;
  // The broker refused or ended a subscription that it has registered for: it is to deregister.
  virtual void OnRefused(LocalSubscription* subscription, const absl::Status& why) = 0;
  // It may have missed events. `why` is fit for a client.
  virtual void OnLost(absl::string_view why) = 0;

  const std::vector<Registration>& registrations() const { return registrations_; }

 private:
  friend class RegistrationTable;
  std::vector<Registration> registrations_;
  // The last event it was given.
  uint64_t stamp_ = 0;
};

// Where subscriptions come from.
class UpstreamSource {
 public:
  virtual ~UpstreamSource() = default;
  virtual UpstreamSubscription* Acquire(const ScopePtr& scope, absl::string_view filter) = 0;
  virtual void Release(UpstreamSubscription* subscription) = 0;
};

// Not thread-safe: its thread's.
class RegistrationTable {
 public:
  // `source` must outlive it.
  explicit RegistrationTable(UpstreamSource* source);
  ~RegistrationTable();
  RegistrationTable(const RegistrationTable&) = delete;
  RegistrationTable& operator=(const RegistrationTable&) = delete;

  // Null: nobody on this thread has registered for it.
  LocalSubscription* Find(const ScopePtr& scope, absl::string_view filter);
  // Null: `registrant` has not registered for it.
  LocalSubscription* FindOf(const Registrant& registrant, const ScopePtr& scope,
                            absl::string_view filter);
  // The registrant has not registered for it yet.
  LocalSubscription* Register(Registrant* registrant, const ScopePtr& scope,
                              absl::string_view filter);
  // The registrant has registered for it. May end the subscription.
  void Deregister(Registrant* registrant, LocalSubscription* subscription);
  void DeregisterAll(Registrant* registrant);

  // The broker has confirmed the upstream subscription with this serial: Deliver finds it, and its
  // members hear of it. Nothing if nobody here uses it any more.
  void SetLive(uint64_t serial);
  // It is in force no more, until SetLive tells so again; its members hear of it.
  void Interrupt(uint64_t serial);
  // The broker refused or ended it: its members are to deregister.
  void Refuse(uint64_t serial, const absl::Status& why);
  // Events for any of them may be missing.
  void LoseAll(absl::string_view why);

  // Hands the event once to each registrant of any of the subscriptions that are in force; returns
  // how many took it.
  size_t Deliver(absl::Span<const int64_t> ids, const SharedBytesPtr& frames, uint32_t begin,
                 uint32_t end);

  // Of all registrants together.
  size_t registration_count() const { return registration_count_; }

 private:
  using Key = std::pair<const std::string*, absl::string_view>;

  // Null: nobody here uses it.
  LocalSubscription* FindSerial(uint64_t serial);
  // Where the subscription is in the registrant's registrations; -1: nowhere.
  static int64_t IndexOf(const Registrant& registrant, const LocalSubscription& subscription);
  void RemoveMember(LocalSubscription* subscription, uint32_t index);

  UpstreamSource* const source_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<LocalSubscription>> by_serial_;
  // Those that are not refused.
  absl::flat_hash_map<Key, LocalSubscription*> by_key_;
  // Index: id; those in force.
  std::vector<LocalSubscription*> by_id_;
  uint64_t stamp_ = 0;
  size_t registration_count_ = 0;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_REGISTRATION_TABLE_H_
