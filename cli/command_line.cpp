// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <algorithm>
#include <cctype>

namespace ditune::cli {

std::string shell_word(std::string_view word) {
  const auto is_safe = [](unsigned char c) {
    return std::isalnum(c) || std::string_view("-_./,:=@+%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, is_safe)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

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
