// SPDX-License-Identifier: Apache-2.0
#include "cli/bank_conflicts.hpp"

#include <fmt/format.h>

namespace ditune::cli {

void BankConflicts::add(const KernelConfig& config, const std::vector<emulation::SharedTraffic>& traffic) {
  for (const emulation::SharedTraffic& seen : traffic) {
    if (seen.wavefronts <= seen.needed) continue;
    Sum& sum = sites_[{seen.file, seen.line, seen.wrapper}];
    sum.accesses += seen.accesses;
    sum.wavefronts += seen.wavefronts;
    sum.needed += seen.needed;
    const double ratio = static_cast<double>(seen.wavefronts) / static_cast<double>(seen.needed);
    if (ratio <= sum.worst_ratio) continue;
    sum.worst_ratio = ratio;
    sum.worst = config;
  }
}

Table BankConflicts::table() const {
  Table table({{"WRAPPER"},
               {"SITE"},
               {"ACCESSES", Align::right},
               {"WAVEFRONTS", Align::right},
               {"NEEDED", Align::right},
               {"WORST VARIANT"}});
  for (const auto& [site, sum] : sites_)
    table.add({site.wrapper, fmt::format("{}:{}", site.file, site.line), std::to_string(sum.accesses),
               std::to_string(sum.wavefronts), std::to_string(sum.needed), format(sum.worst)});
  return table;
}

}  // namespace ditune::cli
