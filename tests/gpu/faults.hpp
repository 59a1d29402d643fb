// SPDX-License-Identifier: Apache-2.0
// Kernels that fail, each in its way, in place of chosen configs' own.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "runtime/compile_pool.hpp"

namespace ditune::test {

// What each fault does with a config's kernel.
inline constexpr std::array<std::string_view, 4> kFaults = {"illegal-address", "infinite-loop", "wrong-result",
                                                            "out-of-memory"};

// The source of a kernel of mma_s8, with one of kFaults.
KernelSource with_fault(KernelSource source, std::string_view fault);

// NVRTC, but for the kernels of `faulty`: config texts, one a fault in the order of kFaults.
CompilePool::Compile faulty_compile(std::span<const std::string> faulty);

// Ends with its input.
[[noreturn]] void be_faulty_worker(std::span<const std::string> faulty);

}  // namespace ditune::test
