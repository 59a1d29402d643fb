// SPDX-License-Identifier: Apache-2.0
// Commands of ditune that a person is told, as a shell takes them.
#pragma once

#include <string>
#include <string_view>

#include "ditune/record.hpp"

namespace ditune {

// As it is where a shell changes nothing of it, else in single quotes.
std::string shell_word(std::string_view word);

// For which GPU, into which database and in which regime: " --gpu 'NVIDIA H200' --db tuning.db --regime sustained".
// Without a database it is the program's own; bursts need no word.
std::string where_words(std::string_view gpu, std::string_view database, Regime regime);

}  // namespace ditune
