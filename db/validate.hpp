// SPDX-License-Identifier: Apache-2.0
// What a trial or a winner must satisfy to be stored, and to be believed when it is read back. Each throws UsageError.
#pragma once

#include "ditune/record.hpp"

namespace ditune {

// A plain non-empty device name and template hash, an arch no older than the first supported one, a legal problem.
void validate(const TuningKey& key);

// A measured, correct one has finite positive times, its median within its interval; a predicted one no measured times;
// no count is negative.
void validate(const Trial& trial);

// A measured one has a finite positive median_us within its interval; a predicted one has predicted_us and nothing that
// is measured. What ties with it is in the order of its text, each once, without the winner.
void validate(const TuningRecord& record);

// The part of that which is about numbers.
void validate_numbers(const TuningRecord& record);

}  // namespace ditune
