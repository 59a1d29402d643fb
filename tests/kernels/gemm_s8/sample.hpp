// SPDX-License-Identifier: Apache-2.0
// The sample of the kind gemm_s8.
#pragma once

#include <vector>

#include "kernels/sample.hpp"

namespace ditune::test {

// Few of all epilogues, and of those with an op from a column on, that between them have every pair of values of two
// fields.
std::vector<Epilogue> covering_epilogues();

// Candidates of every kind: large and small tiles, parts of K, persistent CTAs, every width of loads. Extreme values
// have a long K.
KindSample gemm_sample();

}  // namespace ditune::test
