// SPDX-License-Identifier: Apache-2.0
// The tuner's work on a real GPU: candidates are compiled ahead on all cores, verified bit for bit, and only then
// timed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ditune/config.hpp"
#include "generator/search_space.hpp"
#include "runtime/compile_pool.hpp"
#include "runtime/timing.hpp"
#include "tuner/tune.hpp"
#include "tuner/verify/verdict.hpp"
#include "tuner/worker/watcher.hpp"

namespace ditune {

struct GpuOptions {
  int ordinal = 0;                   // among the visible devices
  std::uint64_t seed = 0;            // of the random operands
  unsigned threads = 0;              // that compile; 0: one a core
  std::filesystem::path nvrtc = {};  // its file; empty: the one that is installed
  // What compiles, as CompilePool's; empty: NVRTC.
  CompilePool::Compile compile = {};
  Watcher watcher = {};
};

// A config to be timed beside others, or why it must not be.
struct CheckedEntry {
  TimedEntry entry;     // for time_interleaved; owns its operands
  std::string failure;  // as in Verdict; the entry is then empty
  bool ok() const { return failure.empty(); }
};

// A GPU to verify and time configs on. Use it from one thread; copies, and the backends and entries it makes, share it
// and keep it alive. Targets are of its device_info.
class GpuTuner {
 public:
  // Throws CudaError or NvrtcError if the device or the compiler cannot be used.
  explicit GpuTuner(const GpuOptions& options);

  // What tune() works with. Throws DeviceLost where a kernel left the device unusable.
  TuneBackend backend() const;

  // In the order of the configs, on one case of operands. Throws CudaError where it does not fit.
  std::vector<Verdict> verify(const Target& target, std::span<const KernelConfig> configs,
                              OperandCase which = OperandCase::plain) const;
  // Whether the device has the memory for a case: `far` needs tens of GiB.
  bool fits(const Target& target, OperandCase which) const;

  // Verifies the config first.
  CheckedEntry timed_entry(const Target& target, const KernelConfig& config) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ditune
