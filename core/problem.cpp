// SPDX-License-Identifier: Apache-2.0
#include "ditune/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

struct Extent {
  std::string_view name;
  std::int64_t max;
  std::string_view why;
};
constexpr std::array<Extent, 3> kExtents{{{"M", kMaxExtent, "a row index fits 32 bits"},
                                          {"N", kMaxExtent, "a column index fits 32 bits"},
                                          {"K", kMaxK, "longer sums can overflow int32"}}};

[[noreturn]] void refuse(const Extent& extent, std::string_view value, std::string_view what) {
  throw UsageError(fmt::format("{} = {} is {}", extent.name, value, what),
                   fmt::format("give 1 to {}: {}", extent.max, extent.why));
}

// Of a problem whose sizes are numbers, the first that 64 bits do not hold.
void refuse_huge_extent(std::string_view text) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  if (std::ranges::count(text, 'x') + 1 != std::ssize(kExtents) || !text::are_extents_too_large(text, kHuge)) return;
  for (const Extent& extent : kExtents) {
    const std::string_view part = text.substr(0, text.find('x'));
    if (text::is_too_large(part, kHuge)) refuse(extent, part, "too large");
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
}

}  // namespace

void validate(const GemmProblem& problem) {
  const std::array values{problem.m, problem.n, problem.k};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > kExtents[i].max) refuse(kExtents[i], std::to_string(values[i]), "too large");
    if (values[i] < 1) refuse(kExtents[i], std::to_string(values[i]), "out of range");
  }
}

std::string format(const GemmProblem& problem) { return fmt::format("{}x{}x{}", problem.m, problem.n, problem.k); }

GemmProblem parse_problem(std::string_view text) {
  refuse_huge_extent(text);
  std::array<std::int64_t, 3> extents{};
  if (!text::parse_extents(text, std::numeric_limits<std::int64_t>::max(), extents))
    throw UsageError(fmt::format("'{}' is not a problem", text), "write MxNxK in digits, like 4096x13824x4608");
  const GemmProblem problem{.m = extents[0], .n = extents[1], .k = extents[2]};
  validate(problem);
  return problem;
}

double operations(const GemmProblem& problem) {
  return 2.0 * static_cast<double>(problem.m) * static_cast<double>(problem.n) * static_cast<double>(problem.k);
}

double tops(const GemmProblem& problem, double microseconds) { return operations(problem) / microseconds * 1e-6; }

double picojoules_an_operation(const GemmProblem& problem, double microseconds, double power_w) {
  return power_w / tops(problem, microseconds);  // 1 W is 1 pJ * 10^12/s
}

}  // namespace ditune
