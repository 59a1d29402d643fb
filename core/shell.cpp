// SPDX-License-Identifier: Apache-2.0
#include "core/shell.hpp"

#include <algorithm>
#include <cctype>

namespace ditune {

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

std::string where_words(std::string_view gpu, std::string_view database, Regime regime) {
  std::string words = " --gpu " + shell_word(gpu);
  if (!database.empty()) words += " --db " + shell_word(database);
  if (regime != Regime::burst) words += " --regime " + std::string(format(regime));
  return words;
}

}  // namespace ditune
