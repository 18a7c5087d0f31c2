// What a user may see, as the broker names it.
#ifndef CARILLON_WSFACADE_HUB_SCOPE_H_
#define CARILLON_WSFACADE_HUB_SCOPE_H_

#include <memory>
#include <string>

namespace carillon::facade {

// Session.scope of the API. Interned by SessionRegistry: the same text is the same object.
using ScopePtr = std::shared_ptr<const std::string>;

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_SCOPE_H_
