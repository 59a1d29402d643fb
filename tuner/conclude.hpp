// What measurements amount to: who leads, and who wins.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "ditune/config.hpp"
#include "ditune/record.hpp"
#include "tuner/search.hpp"

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

// Medians within this fraction of the best are one: rounds of the same kernel differ by as much.
inline constexpr double kTie = 0.003;

// The fastest of those that did not fail; of those that tie with it the one with the fewest registers, then with the
// shortest config text, then the first in alphabetical order: a repeated run comes to the same.
std::optional<Contender> winner_of(std::span<const Contender> contenders);

// Whether a record is to be preferred: measured before predicted, then by time.
bool is_better(const TuningRecord& a, const TuningRecord& b);

}  // namespace ditune
