// SPDX-License-Identifier: Apache-2.0
// The compiler that compiles these tests, and kernels that stand for right and wrong ones.
#pragma once

#include <string>

#include "runtime/host_compiler.hpp"

namespace ditune::test {

inline HostCompiler host_compiler() { return {DITUNE_CXX, DITUNE_OBJECTS}; }

// One thread computes the int32 sums one by one. `store` is what it does with `acc` of `row` and `column`.
inline KernelSource plain_kernel(const std::string& store) {
  return {"plain_kernel", R"(
#include "gemm_args.cuh"
#include "hardware.cuh"

extern "C" __global__ void plain_kernel(const __grid_constant__ ditune::GemmArgs args) {
  using namespace ditune;
  if (block_index() != 0 || thread_index() != 0) return;
  int* const y = static_cast<int*>(args.y);
  for (long long row = 0; row < args.m; ++row) {
    for (long long column = 0; column < args.n; ++column) {
      int acc = 0;
      for (long long k = 0; k < args.k; ++k)
        acc += global_load(args.x + row * args.ldx + k) * global_load(args.w + column * args.ldw + k);
)" + store + "\n    }\n  }\n}\n"};
}

}  // namespace ditune::test
