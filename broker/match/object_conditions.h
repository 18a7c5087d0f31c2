// Conditions on an event's object.
#ifndef CARILLON_BROKER_MATCH_OBJECT_CONDITIONS_H_
#define CARILLON_BROKER_MATCH_OBJECT_CONDITIONS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/filter.pb.h"

namespace carillon::match {

// An event's object, parsed the first time a condition looks at it. One thread. `json` must stay
// valid.
class LazyObject {
 public:
  explicit LazyObject(absl::string_view json);
  ~LazyObject();
  LazyObject(const LazyObject&) = delete;
  LazyObject& operator=(const LazyObject&) = delete;

 private:
  friend class ObjectConditions;
  struct Parsed;
  const Parsed& parsed();

  absl::string_view json_;
  std::unique_ptr<Parsed> parsed_;
};

// Immutable; any thread.
class ObjectConditions {
 public:
  // INVALID_ARGUMENT with a message that begins with the path of the faulty field, such as
  // "conditions[0].pointer: …".
  static absl::StatusOr<std::unique_ptr<const ObjectConditions>> Compile(
      const google::protobuf::RepeatedPtrField<v1::Condition>& conditions);

  ~ObjectConditions();

  // Whether all hold. An object that is absent has no values at all.
  bool Hold(LazyObject& object) const;

 private:
  ObjectConditions();
  struct Compiled;
  std::vector<Compiled> conditions_;
};

}  // namespace carillon::match

#endif  // CARILLON_BROKER_MATCH_OBJECT_CONDITIONS_H_
