// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <algorithm>

#include "core/shell.hpp"

namespace ditune::cli {

std::string options_line(const CLI::App& app, const std::vector<std::string>& only) {
  std::string line;
  for (const CLI::Option* option : app.get_options()) {
    const std::string& name = option->get_name();
    if (!only.empty() && std::ranges::find(only, name) == only.end()) continue;
    for (const std::string& value : option->results()) line += " " + name + " " + shell_word(value);
  }
  return line;
}

}  // namespace ditune::cli
