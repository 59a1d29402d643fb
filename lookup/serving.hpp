// SPDX-License-Identifier: Apache-2.0
// Which winner of a layer serves which M: what the library answers, and what an exported header has as its rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"

namespace ditune {

// All that is known of a GPU by its class alone, wherever that is asked: the figures of the known device of that name,
// else those of the card that stands for its arch, or for the known one that it runs as (runs_as).
DeviceInfo device_of(const DeviceClass& device);

// Whether its kernel is one that this ditune emits.
bool is_of_todays_template(const TuningRecord& record);

// A layer on its device_of.
Target target_of(const TuningKey& key);

// From m_first to m_last this winner.
struct Served {
  const TuningRecord* winner = nullptr;
  std::int64_t m_first = 0, m_last = 0;
  bool operator==(const Served&) const = default;
};

// The ranges in the order of M; they do not overlap, and what no winner may be launched for is in none. `winners` are
// of one layer on devices of one arch, one for each m, in ascending order, each legal there on `device`.
//
// A winner serves its own m. Any other m is served by one of the four next winners below and the four above: the one
// that is fastest there by the cost model, corrected by how much slower than predicted the winner was at its own m,
// beside the mean of these winners. Half of that, as an exponent, is believed beside its m, a quarter an octave away: a
// winner is one of many candidates at its m and partly won by luck, so all of it misled. Each octave of distance counts
// as 2% slower. Where another winner's m lies between, that one was measured to be the faster there, whatever the model
// thinks of them: a winner from beyond is ahead only if the model has it gain on the other one from there on. So one
// that has lost does not come back without a reason. Of winners with the same config, and where two are equally fast,
// the one that is nearest on a log scale serves, at the same distance the larger. The model is asked at multiples of
// 16, in wide gaps of 64 or more: tiles have such sizes; and up to four times the last m, whose server goes on above.
// Predicted winners beside measured ones serve their own m alone.
std::vector<Served> serve(std::span<const TuningRecord* const> winners, const DeviceInfo& device);

}  // namespace ditune
