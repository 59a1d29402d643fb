// The environment's variables.
#pragma once

#include <cstdlib>
#include <string>

namespace ditune::cli {

// Unset and empty are the same.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace ditune::cli
