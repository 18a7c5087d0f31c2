// Boost.JSON is used header-only: Debian's libboost-dev is all it takes.
#include <boost/json/src.hpp>
