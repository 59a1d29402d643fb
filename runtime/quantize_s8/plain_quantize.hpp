// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 as a plain loop.
#pragma once

#include "core/operands.hpp"
#include "ditune/quantize.hpp"
#include "quantize_args.cuh"

namespace ditune {

// h if the prologue has a residual, q, and the scales if they are computed: what docs/numerics.md says of them.
Outputs plain_quantize(const QuantizeArgs& args, const Prologue& prologue);

// Row m alone, into the outputs of the arguments. h may be x.
void plain_quantize_row(const QuantizeArgs& args, const Prologue& prologue, long long m);

}  // namespace ditune
