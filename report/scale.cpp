// SPDX-License-Identifier: Apache-2.0
#include "report/scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

namespace ditune::report {
namespace {

constexpr double kSlack = 1e-9;  // of a step: a tick may miss the end of its range by rounding

Range widened(Spacing spacing, Range values) {
  if (!std::isfinite(values.low)) values.low = 0;
  if (!std::isfinite(values.high)) values.high = values.low;
  if (values.low > values.high) std::swap(values.low, values.high);
  if (spacing == Spacing::log) {
    if (!(values.high > 0)) values.high = 1;
    if (!(values.low > 0)) values.low = values.high / 1000;
    return values.low < values.high ? values : Range{values.low / 2, values.high * 2};
  }
  if (values.low < values.high) return values;
  const double margin = values.low == 0 ? 1 : std::abs(values.low) / 2;
  return {values.low - margin, values.high + margin};
}

std::vector<double> multiples(double step, const Range& range) {
  std::vector<double> ticks;
  const double first = std::ceil(range.low / step - kSlack), last = std::floor(range.high / step + kSlack);
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> linear_ticks(const Range& range, int most) {
  double power = std::pow(10, std::floor(std::log10((range.high - range.low) / most)));
  while (true) {
    for (const double factor : {1, 2, 5})
      if (auto ticks = multiples(factor * power, range); std::ssize(ticks) <= most) return ticks;
    power *= 10;
  }
}

// `factors` times each power of ten, and of the powers each `every`-th.
std::vector<double> decade_ticks(const Range& range, std::initializer_list<double> factors, int every) {
  std::vector<double> ticks;
  const int first = static_cast<int>(std::floor(std::log10(range.low))) - 1;
  const int last = static_cast<int>(std::ceil(std::log10(range.high))) + 1;
  for (int power = first; power <= last; ++power) {
    if (power % every != 0) continue;
    for (const double factor : factors)
      if (const double tick = factor * std::pow(10, power);
          tick >= range.low * (1 - kSlack) && tick <= range.high * (1 + kSlack))
        ticks.push_back(tick);
  }
  return ticks;
}

std::vector<double> log_ticks(const Range& range, int most) {
  for (const auto factors : {std::initializer_list<double>{1, 2, 5}, {1, 3}, {1}}) {
    auto ticks = decade_ticks(range, factors, 1);
    if (std::ssize(ticks) < 2) break;
    if (std::ssize(ticks) <= most) return ticks;
  }
  for (int every = 2; every < 400; ++every)
    if (auto ticks = decade_ticks(range, {1}, every); std::ssize(ticks) <= most && std::ssize(ticks) >= 2) return ticks;
  return linear_ticks(range, most);
}

}  // namespace

Range range_of(const std::vector<double>& values) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Range range{kInfinity, -kInfinity};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range = {std::min(range.low, value), std::max(range.high, value)};
  }
  return range.low <= range.high ? range : Range{};
}

Scale::Scale(Spacing spacing, Range values, Range pixels)
    : spacing_(spacing), values_(widened(spacing, values)), pixels_(pixels) {}

double Scale::operator()(double value) const {
  if (std::isnan(value)) return pixels_.low;
  const double inside = std::clamp(value, values_.low, values_.high);
  const double share = spacing_ == Spacing::log ? std::log(inside / values_.low) / std::log(values_.high / values_.low)
                                                : (inside - values_.low) / (values_.high - values_.low);
  return pixels_.low + share * (pixels_.high - pixels_.low);
}

std::vector<double> Scale::ticks(int most) const {
  most = std::max(most, 2);
  return spacing_ == Spacing::log ? log_ticks(values_, most) : linear_ticks(values_, most);
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "unknown";
  if (value == 0) return "0";
  const int before_point = static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1;
  const int decimals = std::clamp(3 - before_point, 0, 9);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  const std::size_t first = text.front() == '-' ? 1 : 0, point = std::min(text.find('.'), text.size());
  for (std::size_t at = point; at > first + 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

namespace {

struct Unit {
  std::string_view name;
  double microseconds;
};

Unit unit_of(double microseconds) {
  if (microseconds < 999.5) return {"µs", 1};
  return microseconds < 999.5e3 ? Unit{"ms", 1e3} : Unit{"s", 1e6};
}

}  // namespace

std::string duration_text(double microseconds) {
  const auto [name, unit] = unit_of(microseconds);
  return fmt::format("{} {}", number_text(microseconds / unit), name);
}

std::string duration_text(const Range& microseconds) {
  const auto [name, unit] = unit_of(microseconds.high);
  return fmt::format("{}–{} {}", number_text(microseconds.low / unit), number_text(microseconds.high / unit), name);
}

}  // namespace ditune::report
