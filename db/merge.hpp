// SPDX-License-Identifier: Apache-2.0
// One database taken into another. The result depends neither on the order nor on the number of times: merging is
// commutative, associative and idempotent in what winners() and trials() then hold.
#pragma once

#include <filesystem>

#include "db/store.hpp"

namespace ditune {

// The order among winners of one key that merging keeps the first of, a total one:
// 1. measured before predicted;
// 2. measured: the lower upper end of the interval. Of two whose medians are the same, that is the tighter one; of two
//    whose intervals are apart, the faster; and one that is fast but loose has to show it. An unknown interval comes
//    last. Predicted: the lower time;
// 3. the tighter interval, relative to its median; the lower median;
// 4. the text of all its other fields but the hash of its cubin.
bool is_preferred(const TuningRecord& a, const TuningRecord& b);

struct MergeResult {
  int trials = 0;   // that were not there
  int winners = 0;  // that were not there or are preferred to what was
  int refused = 0;  // rows that do not validate, or with a config that a constraint refuses
  int skipped = 0;  // of these, rows that do not validate
};

// Throws DbError{unusable} unless `from` is a sound database, of this schema or an older one, and not the file `into`.
void require_mergeable(const std::filesystem::path& into, const std::filesystem::path& from);

// In one transaction: `into` is as before, or holds all of `from`, with where it came from. Trials of which all fields
// are equal are one. A hash of a cubin in the same file proves nothing: unless `trust_binaries`, winners come without.
MergeResult merge(Store& into, const Store& from, bool trust_binaries = false);

}  // namespace ditune
