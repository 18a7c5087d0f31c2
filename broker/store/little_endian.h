// Numbers as they lie in the store: least significant byte first, at any address.
#ifndef CARILLON_BROKER_STORE_LITTLE_ENDIAN_H_
#define CARILLON_BROKER_STORE_LITTLE_ENDIAN_H_

#include <cstddef>

namespace carillon::store {

// `Number` is unsigned.
template <class Number>
Number LoadLittleEndian(const char* from) {
  Number number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    number |=
        static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(from[i])) << (8 * i));
  }
  return number;
}

template <class Number>
void StoreLittleEndian(Number number, char* to) {
  for (size_t i = 0; i < sizeof(Number); ++i) to[i] = static_cast<char>(number >> (8 * i));
}

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_LITTLE_ENDIAN_H_
