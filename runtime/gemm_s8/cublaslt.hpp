// SPDX-License-Identifier: Apache-2.0
// What ditune is measured against: cuBLASLt on the same shape. Opened with dlopen, used by the benchmark alone.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "ditune/device.hpp"
#include "ditune/gemm.hpp"
#include "runtime/cuda.hpp"

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

// One kind of multiplication by cuBLASLt, with operands of its own in its own types.
struct Peer {
  std::string name;    // "cublaslt int8->int32"
  std::string reason;  // why it cannot be timed; empty: it can
  // Of cuBLASLt those that its heuristic offers and that ran, its first guess first: at most kPeerAlgorithms.
  int algorithms = 0;
  std::vector<std::string> configs;  // of the algorithms, if they are ditune's
  int sets = 0;                      // operand sets, enough to rotate beyond L2
  // Enqueues one multiplication. Holds the operands: they live as long as the last copy of this function.
  std::function<void(int algorithm, int set, const Stream& stream)> launch;
};

inline constexpr int kPeerAlgorithms = 8;

// int8 -> int32 on the integer tensor cores, bf16 -> bf16, and fp8 (e4m3, fast accumulation) -> bf16, of Y[M,N] =
// X[M,K] W[N,K]^T, all row-major, without scales and bias; random operands of at most `memory_cap` bytes each. A peer
// that the library, the GPU or the shape rules out says why. Throws CudaError only if the device itself failed.
std::vector<Peer> cublaslt_peers(const Gemm& gemm, const DeviceInfo& device, std::size_t memory_cap);

}  // namespace ditune
