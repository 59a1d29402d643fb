// SPDX-License-Identifier: Apache-2.0
#include "tuner/worker/killed.hpp"

#include "core/text.hpp"
#include "runtime/child_process.hpp"

namespace ditune {

bool was_killed(std::string_view failure) {
  constexpr std::string_view kSignal = "(signal ";
  constexpr int kHighestSignal = 64;
  if (!failure.starts_with(kCompilerLost) && !failure.starts_with(kRunnerLost)) return false;
  const std::size_t at = failure.rfind(kSignal);
  if (at == std::string_view::npos || !failure.ends_with(')')) return false;
  failure.remove_prefix(at + kSignal.size());
  failure.remove_suffix(1);
  const auto signal = text::parse_number(failure, kHighestSignal);
  return signal && !is_crash_signal(static_cast<int>(*signal));
}

}  // namespace ditune
