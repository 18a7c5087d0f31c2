#include "wsfacade/api/origin_policy.h"

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <utility>

#include "absl/strings/match.h"

namespace carillon::facade {

namespace http = boost::beast::http;

OriginPolicy::OriginPolicy(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}

bool OriginPolicy::Allows(absl::string_view origin) const {
  return origin.empty() || allowed_.empty() ||
         std::any_of(allowed_.begin(), allowed_.end(), [origin](const std::string& allowed) {
           return absl::EqualsIgnoreCase(allowed, origin);
         });
}

void OriginPolicy::Decorate(absl::string_view origin, HttpResponse* response) const {
  if (!allowed_.empty()) response->set(http::field::vary, "Origin");
  if (origin.empty() || !Allows(origin)) return;
  response->set(http::field::access_control_allow_origin,
                allowed_.empty() ? boost::string_view("*")
                                 : boost::string_view(origin.data(), origin.size()));
}

}  // namespace carillon::facade
