// A TOML file as a list of option values.
#ifndef CARILLON_PROGRAM_TOML_LAYER_H_
#define CARILLON_PROGRAM_TOML_LAYER_H_

#include <string>
#include <vector>

namespace carillon::program {

struct TomlEntry {
  // The keys that lead to it, joined by '-', with '-' for '_': [tls] cert = … is "tls-cert".
  std::string name;
  // One, or the elements of an array.
  std::vector<std::string> values;
  bool is_array = false;
  // "FILE:LINE".
  std::string place;
};

// What is not TOML, set twice or of a type that no option has is reported, one line each that
// begins with "FILE:LINE: ", and left out.
std::vector<TomlEntry> ParseTomlLayer(const std::string& text, const std::string& path,
                                      std::vector<std::string>* errors);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_TOML_LAYER_H_
