// SPDX-License-Identifier: Apache-2.0
// config -> CUDA C++.
#pragma once

#include <string>

#include "ditune/config.hpp"
#include "ditune/operation.hpp"

namespace ditune {

struct KernelSource {
  std::string name;  // of the extern "C" kernel: "mma_s8_tile_128x256x64_warps_2x4_stages_3"
  std::string text;  // CUDA C++20; includes embedded templates by name
};

// The name that emit gives the kernel: the text forms with everything that a C++ name cannot hold replaced. Sizes are
// none of it.
std::string kernel_name(const KernelConfig& config, const Operation& operation);

// The instantiation stub, every field named. One source serves every size and every arch.
KernelSource emit(const KernelConfig& config, const Operation& operation);

// The same with the templates inlined: one file that `nvcc -std=c++20` compiles as it is.
KernelSource emit_standalone(const KernelConfig& config, const Operation& operation);

// template_hash (embedded.hpp) of the config's family.
const std::string& template_hash(const KernelConfig& config);

}  // namespace ditune
