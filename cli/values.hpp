// SPDX-License-Identifier: Apache-2.0
// Options that take a whole number or one of a few words.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "ditune/record.hpp"

namespace ditune::cli {

struct NumberRange {
  std::int64_t least = 0, most = 0;
};

// Digits alone, within the range: anything else is a UsageError that names the option and the range.
CLI::Option* add_number(CLI::App& app, const std::string& name, NumberRange range, const std::string& description,
                        std::function<void(std::int64_t)> take);

// What such an option makes of `text`.
std::int64_t number_of(const std::string& name, NumberRange range, const std::string& text);

// "90", "90s", "10m", "2h". Throws UsageError for anything else.
std::chrono::seconds parse_duration(std::string_view text);

// One of `words`, whose index `take` gets: anything else is a UsageError that names the option and the words.
CLI::Option* add_word(CLI::App& app, const std::string& name, std::span<const std::string_view> words,
                      const std::string& description, std::function<void(std::size_t)> take);

// --regime burst|sustained
CLI::Option* add_regime(CLI::App& app, Regime& regime, const std::string& description);

// Seeds are stored as the 64-bit integers of SQLite.
CLI::Option* add_seed(CLI::App& app, std::uint64_t& seed, const std::string& description);

}  // namespace ditune::cli
