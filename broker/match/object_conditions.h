// Conditions on an event's object.
#ifndef CARILLON_BROKER_MATCH_OBJECT_CONDITIONS_H_
#define CARILLON_BROKER_MATCH_OBJECT_CONDITIONS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/filter.pb.h"

namespace carillon::json {
class Document;
}  // namespace carillon::json

namespace carillon::match {

// An event's object, parsed the first time a condition looks at it. One thread. `json` must stay
// valid.
class LazyObject {
 public:
  // Empty: there is no object.
  explicit LazyObject(absl::string_view json = {});
  ~LazyObject();
  LazyObject(const LazyObject&) = delete;
  LazyObject& operator=(const LazyObject&) = delete;

  // Goes on to another object, with the memory that parsing the last one took.
  void Reset(absl::string_view json);

 private:
  friend class ObjectConditions;
  json::Document& document();

  absl::string_view json_;
  bool is_parsed_ = false;
  std::unique_ptr<json::Document> document_;
};

// Immutable; any thread.
//
// Numbers are compared by value: with an int64_value exactly, however the JSON writes it (1, 1.0
// and 10e-1 are equal), with a double_value as the nearest double. Strings are compared by their
// bytes in UTF-8, escapes resolved.
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
