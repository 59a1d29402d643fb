// SPDX-License-Identifier: Apache-2.0
#include "cli/values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <utility>

#include "core/cpp_names.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {

std::int64_t number_of(const std::string& name, NumberRange range, const std::string& text) {
  const auto number = text::parse_number(text, range.most);
  if (!number || *number < range.least)
    throw UsageError(text::is_too_large(text, range.most) ? fmt::format("{} {} is too large", name, text)
                                                          : fmt::format("{} cannot be '{}'", name, text),
                     fmt::format("give a whole number from {} to {}", range.least, range.most));
  return *number;
}

std::chrono::seconds parse_duration(std::string_view text) {
  constexpr std::int64_t kMax = 1'000'000;
  std::int64_t unit = 1;
  std::string_view digits = text;
  if (!digits.empty() && std::string_view("smh").find(digits.back()) != std::string_view::npos) {
    unit = digits.back() == 'h' ? 3600 : digits.back() == 'm' ? 60 : 1;
    digits.remove_suffix(1);
  }
  if (text::is_too_large(digits, kMax))
    throw UsageError(fmt::format("the time '{}' is too large", text),
                     fmt::format("give at most {} seconds, minutes or hours", kMax));
  const auto count = text::parse_number(digits, kMax);
  if (!count || *count == 0)
    throw UsageError(fmt::format("'{}' is not a time", text),
                     "write seconds, minutes or hours, like 90s (or 90), 10m or 2h");
  return std::chrono::seconds(*count * unit);
}

CLI::Option* add_number(CLI::App& app, const std::string& name, NumberRange range, const std::string& description,
                        std::function<void(std::int64_t)> take) {
  const auto read = [name, range, take = std::move(take)](const std::string& text) {
    take(number_of(name, range, text));
  };
  return app.add_option_function<std::string>(name, read, description)->type_name("N");
}

CLI::Option* add_word(CLI::App& app, const std::string& name, std::span<const std::string_view> words,
                      const std::string& description, std::function<void(std::size_t)> take) {
  const auto read = [name, words, take = std::move(take)](const std::string& text) {
    take(text::parse_word({name, text}, words));
  };
  return app.add_option_function<std::string>(name, read, description)
      ->type_name(fmt::format("{}", fmt::join(words, "|")));
}

CLI::Option* add_regime(CLI::App& app, Regime& regime, const std::string& description) {
  return add_word(app, "--regime", kEnumerators<Regime>, description,
                  [&regime](std::size_t word) { regime = static_cast<Regime>(word); });
}

CLI::Option* add_seed(CLI::App& app, std::uint64_t& seed, const std::string& description) {
  return add_number(app, "--seed", {0, std::numeric_limits<std::int64_t>::max()}, description,
                    [&seed](std::int64_t number) { seed = static_cast<std::uint64_t>(number); });
}

}  // namespace ditune::cli
