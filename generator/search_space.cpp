// SPDX-License-Identifier: Apache-2.0
#include "generator/search_space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ditune/error.hpp"
#include "generator/families.hpp"

namespace ditune {

void refuse_kind(const KernelConfig& config, const Operation& operation) {
  throw UsageError(fmt::format("{} does not compute {}", format(config), kind_name(operation)),
                   "choose one of those that `ditune space` lists");
}

std::optional<Rejection> refusal(const KernelConfig& config, const Target& target) {
  return std::visit(
      [&]<class Config>(const Config& c) -> std::optional<Rejection> {
        if (const auto* op = std::get_if<OpOf<Config>>(&target.operation))
          return Family<Config>::refusal(c, {*op, target.device});
        return Rejection{"kind", fmt::format("does not compute {}", kind_name(target.operation))};
      },
      config);
}

void require_legal(const KernelConfig& config, const Target& target) {
  validate(target.operation);
  if (const std::optional<Rejection> rejection = refusal(config, target))
    throw UsageError(fmt::format("{} cannot run {} on {}: {}: {}", format(config), describe_sizes(target.operation),
                                 target.device.name, rejection->constraint, rejection->reason),
                     "choose one of those that `ditune space` lists");
}

namespace {

// Of the families of the operation's kind.
template <class Visitor>
void for_each_family_of(const Target& target, const Visitor& visit) {
  for_each_family([&]<class Config>() {
    if (const auto* op = std::get_if<OpOf<Config>>(&target.operation))
      visit([&](Wanted wanted) { return Family<Config>::candidates({*op, target.device}, wanted); });
  });
}

}  // namespace

std::vector<Candidate> enumerate_all(const Target& target) {
  validate(target.operation);
  std::vector<Candidate> all;
  for_each_family_of(target, [&](const auto& candidates) {
    std::vector<Candidate> family = candidates(Wanted::all);
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
  validate(target.operation);
  bool found = false;
  for_each_family_of(target, [&](const auto& candidates) {
    found = found || std::ranges::any_of(candidates(Wanted::first_legal),
                                         [](const Candidate& candidate) { return !candidate.rejection; });
  });
  return found;
}

}  // namespace ditune
