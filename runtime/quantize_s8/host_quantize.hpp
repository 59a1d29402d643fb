// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 on several threads of the host.
#pragma once

#include <cstddef>

#include "ditune/quantize.hpp"
#include "quantize_args.cuh"

namespace ditune {

// Of arguments that check_on_host passes. threads: as in_parallel's.
void host_quantize(const QuantizeArgs& args, const Prologue& prologue, std::size_t threads);

}  // namespace ditune
