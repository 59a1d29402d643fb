// SPDX-License-Identifier: Apache-2.0
// The operations on the CPU: for tests, and for programs that run without a GPU. The bits of docs/numerics.md, which
// every kernel gives.
#pragma once

#include "ditune/epilogue.hpp"
#include "ditune/quantize.hpp"
#include "gemm_args.cuh"
#include "quantize_args.cuh"

namespace ditune {

inline constexpr int kMaxHostThreads = 1024;

// Writes what a launch of these arguments writes, all of them host memory, and returns. On so many threads, of which
// the calling one is one; 0: as many as the machine has. They change no bit. Any size and stride will do, a pointer
// need be aligned to its element alone, and the workspace is ignored. Throws UsageError for all else that a launch
// refuses, for an index that is no row of its table, and for a number of threads below 0 or above kMaxHostThreads; then
// nothing was written.
void run_on_host(const FusedGemmArgs& args, const Epilogue& epilogue, int threads);
void run_on_host(const QuantizeArgs& args, const Prologue& prologue, int threads);

}  // namespace ditune
