// SPDX-License-Identifier: Apache-2.0
#include "cli/survivors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "core/text.hpp"

namespace ditune::cli {

void add_survivors(Json& json, const Survivors& survivors) {
  if (remark_on(survivors).empty()) return;
  json["candidates"] = {
      {"tried", survivors.tried}, {"survived", survivors.survived}, {"killed", survivors.killed.size()}};
}

std::string remark_on(const Survivors& survivors) {
  const std::size_t killed = survivors.killed.size();
  if (killed == 0 && !survivors.are_few()) return {};
  const std::size_t failed = survivors.tried - survivors.survived - killed;
  std::vector<std::string> fates;
  if (killed > 0) fates.push_back(fmt::format("{} {} killed from outside", killed, killed == 1 ? "was" : "were"));
  if (failed > 0) fates.push_back(fmt::format("{} failed", failed));
  return fmt::format("{} of {} survived: {}", survivors.survived,
                     text::counted(static_cast<std::int64_t>(survivors.tried), "candidate"), fmt::join(fates, ", "));
}

std::string remedy_for(const Survivors& survivors) {
  return survivors.killed.empty() ? "ditune show --failures lists why"
                                  : "is memory short? ditune tune tries those that were killed again";
}

}  // namespace ditune::cli
