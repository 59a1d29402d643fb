// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8 on several threads of the host.
#pragma once

#include <cstddef>

#include "ditune/epilogue.hpp"
#include "gemm_args.cuh"

namespace ditune {

// Of arguments that check_on_host passes. threads: as in_parallel's.
void host_gemm(const FusedGemmArgs& args, const Epilogue& epilogue, std::size_t threads);

}  // namespace ditune
