// SPDX-License-Identifier: Apache-2.0
// The numerics contract as a plain loop on the host: what every variant must give. Shares no code with the
// kernels but the functions that the contract defines step by step (activation.cuh).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ditune/epilogue.hpp"
#include "gemm_args.cuh"

namespace ditune {

// Y of host operands, [m, output_columns] packed, of the epilogue's output type. `args.y` and `args.workspace` are not
// touched.
std::vector<std::byte> plain_gemm(const FusedGemmArgs& args, const Epilogue& epilogue);

// The bits of one output, of its sum over k; with swiglu of its two.
unsigned plain_output(const FusedGemmArgs& args, const Epilogue& epilogue, long long row, long long column,
                      const std::int32_t* sums);

}  // namespace ditune
