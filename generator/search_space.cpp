// SPDX-License-Identifier: Apache-2.0
#include "generator/search_space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ditune/error.hpp"
#include "generator/families.hpp"

namespace ditune {

std::optional<Rejection> refusal(const KernelConfig& config, const Target& target) {
  return std::visit([&]<class Config>(const Config& c) { return Family<Config>::refusal(c, target); }, config);
}

void require_legal(const KernelConfig& config, const Target& target) {
  validate(target.problem);
  if (const std::optional<Rejection> rejection = refusal(config, target))
    throw UsageError(fmt::format("{} cannot run {} on {}: {}: {}", format(config), format(target.problem),
                                 target.device.name, rejection->constraint, rejection->reason),
                     "choose one of those that `ditune space` lists");
}

std::vector<Candidate> enumerate_all(const Target& target) {
  validate(target.problem);
  std::vector<Candidate> all;
  for_each_family([&]<class Config>() {
    std::vector<Candidate> family = Family<Config>::candidates(target, Wanted::all);
    all.insert(all.end(), std::make_move_iterator(family.begin()), std::make_move_iterator(family.end()));
  });
  return all;
}

std::vector<KernelConfig> enumerate(const Target& target) {
  std::vector<KernelConfig> legal;
  for (const Candidate& candidate : enumerate_all(target))
    if (!candidate.rejection) legal.push_back(candidate.config);
  return legal;
}

bool has_candidates(const Target& target) {
  validate(target.problem);
  bool found = false;
  for_each_family([&]<class Config>() {
    if (!found)
      found = std::ranges::any_of(Family<Config>::candidates(target, Wanted::first_legal),
                                  [](const Candidate& candidate) { return !candidate.rejection; });
  });
  return found;
}

}  // namespace ditune
