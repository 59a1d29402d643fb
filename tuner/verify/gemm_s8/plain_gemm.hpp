// SPDX-License-Identifier: Apache-2.0
// The numerics contract as a plain loop on the host: what every variant must give. Shares no code with the kernels.
#pragma once

#include <cstddef>
#include <vector>

#include "ditune/epilogue.hpp"
#include "gemm_args.cuh"

namespace ditune {

// Y of host operands, [m, n] packed, of the epilogue's output type. `args.y` and `args.workspace` are not touched.
std::vector<std::byte> plain_gemm(const GemmArgs& args, const Epilogue& epilogue);

}  // namespace ditune
