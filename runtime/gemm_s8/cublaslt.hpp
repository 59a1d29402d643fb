// SPDX-License-Identifier: Apache-2.0
// What ditune is measured against: cuBLASLt on the same shape. Opened with dlopen, used by the benchmark alone.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ditune/device.hpp"
#include "ditune/operation.hpp"
#include "runtime/peer.hpp"

namespace ditune {

// Where cuBLASLt is looked for, in this order: the loader's own search, then the toolkit's usual folders.
inline constexpr std::array kCublasLtCandidates = {
    "libcublasLt.so.13",
    "libcublasLt.so.12",
    "libcublasLt.so",
    "/usr/local/cuda/lib64/libcublasLt.so",
    "/usr/local/cuda/targets/x86_64-linux/lib/libcublasLt.so",
    "/opt/cuda/lib64/libcublasLt.so",
};

// Of each multiplication those that the heuristic offers and that ran, its first guess first: at most so many.
inline constexpr int kPeerAlgorithms = 8;

// int8 -> int32 on the integer tensor cores, bf16 -> bf16, and fp8 (e4m3, fast accumulation) -> bf16, of Y[M,N] =
// X[M,K] W[N,K]^T, all row-major, without scales and bias; random operands of at most `memory_cap` bytes each. A peer
// that the library, the GPU, the shape or another kind of operation rules out says why. Throws CudaError only if the
// device itself failed.
std::vector<Peer> cublaslt_peers(const Operation& operation, const DeviceInfo& device, std::size_t memory_cap);

}  // namespace ditune
