// SPDX-License-Identifier: Apache-2.0
#include "runtime/compiler_log.hpp"

namespace ditune {

std::string first_error(std::string_view log) {
  const std::size_t error = log.find("error");
  if (error == std::string_view::npos) return "no reason given";
  const std::size_t begin = log.rfind('\n', error) + 1;  // npos + 1 is 0
  return std::string(log.substr(begin, log.find('\n', error) - begin));
}

bool tells_machine_failure(std::string_view log) {
  for (const std::string_view sign : {"out of memory", "libnvrtc-builtins"})
    if (log.find(sign) != std::string_view::npos) return true;
  return false;
}

}  // namespace ditune
