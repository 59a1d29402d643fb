// SPDX-License-Identifier: Apache-2.0
// The machine that the C ABI's target runs on: a driver of two cards, a compiler, and what can go wrong with both.
#pragma once

#include <optional>
#include <vector>

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"
#include "launch_plan.cuh"
#include "quantize_args.cuh"

struct CUstream_st;  // what a cudaStream_t points to

namespace ditune::fuzz {

struct Faults {
  bool is_capturing = false;
  bool refuses_cubins = false;  // of any kind
  bool refuses_ptx = false;
  bool fails_launches = false;
  bool has_no_compiler = false;
  bool fails_compilation = false;
  bool has_no_devices = false;
  bool fails_devices = false;
  bool operator==(const Faults&) const = default;
};

struct Launch {
  LaunchPlan plan;
  FusedGemmArgs args;                    // of a residual as far as the kernel takes one
  bool has_residual;                     // whether it does
  std::optional<Epilogue> epilogue;      // of a kernel that takes it at run time
  std::optional<QuantizeArgs> quantize;  // of a kernel of that kind, and then none of the others
  CUstream_st* stream;
};

struct Machine {
  static constexpr int kDevices = 2;  // RTX 3090, H100
  Faults faults;
  std::vector<Launch> launches;
};

// In place of the library's driver and compiler.
Machine& machine();

}  // namespace ditune::fuzz
