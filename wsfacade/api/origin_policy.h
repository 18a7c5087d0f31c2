// Which web pages may use the facade from a browser. Pure.
#ifndef CARILLON_WSFACADE_API_ORIGIN_POLICY_H_
#define CARILLON_WSFACADE_API_ORIGIN_POLICY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "wsfacade/http/message.h"

namespace carillon::facade {

// Pages prove nothing by their origin here: each request carries its user's credentials, and there
// are no cookies. So by default every page may.
class OriginPolicy {
 public:
  // As browsers write them, "https://example.org"; none: all.
  explicit OriginPolicy(std::vector<std::string> allowed);

  // `origin` empty: not from a page.
  bool Allows(absl::string_view origin) const;
  // Lets the page read the response, if it comes from an allowed one.
  void Decorate(absl::string_view origin, HttpResponse* response) const;

 private:
  const std::vector<std::string> allowed_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_API_ORIGIN_POLICY_H_
