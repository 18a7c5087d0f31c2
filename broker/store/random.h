// Randomness that nobody can guess.
#ifndef CARILLON_BROKER_STORE_RANDOM_H_
#define CARILLON_BROKER_STORE_RANDOM_H_

#include <cstddef>
#include <string>

namespace carillon::store {

// From the kernel. At most 256 bytes.
std::string RandomBytes(size_t size);

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_RANDOM_H_
