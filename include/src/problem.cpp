#include "ditune/problem.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "ditune/error.hpp"
#include "text.hpp"

namespace ditune {
namespace {

void require_extent(std::string_view name, std::int64_t value, std::int64_t max, std::string_view why) {
  if (value < 1 || value > max)
    throw UsageError(fmt::format("{} = {} is out of range", name, value), fmt::format("give 1 to {}: {}", max, why));
}

}  // namespace

void validate(const GemmProblem& problem) {
  require_extent("M", problem.m, kMaxExtent, "a row index fits 32 bits");
  require_extent("N", problem.n, kMaxExtent, "a column index fits 32 bits");
  require_extent("K", problem.k, kMaxK, "longer sums can overflow int32");
}

std::string format(const GemmProblem& problem) { return fmt::format("{}x{}x{}", problem.m, problem.n, problem.k); }

GemmProblem parse_problem(std::string_view text) {
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
