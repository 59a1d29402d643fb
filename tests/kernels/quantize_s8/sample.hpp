// SPDX-License-Identifier: Apache-2.0
// The sample of the kind quantize_s8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/sample.hpp"

namespace ditune::test {

// So many legal prologues. Every other one has no step that has no place beside swiglu and a split, so that these are
// not few. Splits are between two octets, or in the middle of one.
std::vector<Operation> random_prologues(std::size_t count, std::uint64_t seed);

// Few of many prologues that between them have every legal pair of values of two fields.
std::vector<Operation> covering_prologues();

// Candidates of every kind: one row of a CTA and several, each with a warp or more; rows of one octet a thread and of
// many; persistent CTAs that keep columns; rows that are read again and again.
KindSample quantize_sample();

}  // namespace ditune::test
