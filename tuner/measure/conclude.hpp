// SPDX-License-Identifier: Apache-2.0
// What measurements amount to: who leads, and who wins.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "ditune/config.hpp"
#include "ditune/record.hpp"
#include "tuner/measure/race.hpp"
#include "tuner/search/search.hpp"

namespace ditune {

// A config that was tried.
struct Contender {
  KernelConfig config;
  Measurement measurement;
  double predicted_us = 0;
};

// As strategies are told.
std::vector<Scored> scores(std::span<const Contender> contenders);

// The `count` fastest of those that did not fail, the fastest first.
std::vector<Contender> fastest(std::span<const Contender> contenders, std::size_t count);

// Who wins, and who cannot be told from it.
struct Decision {
  Contender winner;
  std::vector<KernelConfig> tied;  // in the order of their text, without the winner
};

// Of those that did not fail and ran in the same rounds. The fastest is the leader of the race. With it tie those whose
// time in the same round is not longer by more than kTie, with 95%; where there are too few rounds for an interval,
// those whose median is not. The incumbent wins if it ties. If not, that one wins of those whose median is within kTie
// of the leader's that has the fewest registers, then the shortest config text, then the first in alphabetical order:
// a repeated run comes to the same.
std::optional<Decision> conclude(std::span<const Contender> contenders,
                                 const std::optional<KernelConfig>& incumbent = std::nullopt);

}  // namespace ditune
