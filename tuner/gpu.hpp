// The tuner's work on a real GPU: candidates are compiled ahead on all cores, verified bit for bit, and only then
// timed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ditune/config.hpp"
#include "generator/search_space.hpp"
#include "tuner/tune.hpp"

namespace ditune {

struct GpuOptions {
  int ordinal = 0;  // among the visible devices
  std::uint64_t seed = 0;
  unsigned threads = 0;  // that compile; 0: one a core
};

// Measures on the GPU. Throws CudaError or NvrtcError if it cannot be used.
TuneBackend gpu_backend(const GpuOptions& options);

// One config of a problem against the reference kernel.
struct Verdict {
  KernelConfig config;
  std::string failure;  // empty: every bit right, nothing written beside the output, the workspace left zero
  bool ok() const { return failure.empty(); }
};

std::vector<Verdict> verify_on_gpu(const Target& target, std::span<const KernelConfig> configs,
                                   const GpuOptions& options);

}  // namespace ditune
