// SPDX-License-Identifier: Apache-2.0
// Whether a kernel takes given operands.
#pragma once

#include <cstdint>

#include "ditune/config.hpp"
#include "ditune/epilogue.hpp"
#include "gemm_args.cuh"

namespace ditune {

// What row pitches must be multiples of, in elements: ldx and ldw, and ldy.
struct StrideMultiples {
  int k = 1, y = 1;
};
StrideMultiples stride_multiples(const KernelConfig& config, Output out);

// Throws UsageError if a launch of (config, epilogue) with these arguments would be undefined: sizes out of range, a
// null or misaligned pointer, a stride shorter than its row or not a multiple of what the config loads at once, scales
// or a bias that the epilogue does not take (or lacks), no workspace though its plan has so many bytes of it.
void check_args(const KernelConfig& config, const Epilogue& epilogue, const GemmArgs& args,
                std::int64_t workspace_bytes);

// Throws UsageError if y shares a byte with anything else, or the workspace of so many bytes does, or if one of them
// would end behind the last address. Rows of one pitch may lie between one another. The arguments must pass check_args.
void check_memory(const Epilogue& epilogue, const GemmArgs& args, std::int64_t workspace_bytes);

}  // namespace ditune
