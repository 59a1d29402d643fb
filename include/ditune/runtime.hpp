// SPDX-License-Identifier: Apache-2.0
// What an inference runtime links against: opened once, it finds the best kernel of a layer, loads it and launches it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ditune/library.hpp"
#include "gemm_args.cuh"
#include "quantize_args.cuh"

struct CUstream_st;  // what a cudaStream_t points to

namespace ditune {

class LoadedKernel;
class PackedMaps;
struct RuntimeParts;

struct RuntimeOptions {
  // Read when the runtime is opened, in this order, as read_records has it; under CompilePolicy::never a record without
  // a kernel does not count either. A kernel is read from its file when it is prepared.
  std::vector<std::filesystem::path> databases;
  Regime regime = Regime::burst;
  std::function<void(const Miss&)> on_miss = {};            // as LibraryOptions'
  std::function<void(const SkippedRows&)> on_skipped = {};  // as that of read_records
  std::filesystem::path nvrtc = {};  // the file of NVRTC; empty: where the loader and the toolkit have it
  CompilePolicy compile = CompilePolicy::as_needed;  // as LibraryOptions', and no compiler is called
};

// A kernel on a device for one operation. Belongs to the Runtime that prepared it.
class Prepared {
 public:
  const Operation& operation() const { return operation_; }
  int device() const { return device_; }
  Match match() const { return match_; }
  const KernelConfig& config() const { return config_; }
  const std::string& config_text() const { return config_text_; }  // format(config())
  // Bytes of workspace that a launch needs: zeroed once by the caller, left zero by every launch, one for each stream.
  std::int64_t workspace_bytes() const { return plan_.workspace_bytes; }
  // Why the stored kernel, or what would be compiled, was not taken; empty where all went well.
  const std::string& note() const { return note_; }

 private:
  friend class Runtime;
  Operation operation_;
  int device_ = 0;
  Match match_ = Match::none;
  KernelConfig config_;
  std::string config_text_;
  LaunchPlan plan_;
  bool is_fallback_ = false;  // its kernel takes the operation at run time
  std::string note_;
  std::shared_ptr<const LoadedKernel> kernel_;
  std::shared_ptr<const PackedMaps> maps_;
};

// Any number of threads may use it at once.
class Runtime {
 public:
  // With the databases' kernels, NVRTC where it is installed, and the CUDA driver. Throws DbError.
  explicit Runtime(const RuntimeOptions& options);
  // With others in their place (runtime/runtime_parts.hpp).
  explicit Runtime(RuntimeParts parts);
  Runtime(Runtime&&) noexcept;
  Runtime& operator=(Runtime&&) noexcept;
  ~Runtime();

  // As Library's, on the visible device of that ordinal. Throws UsageError for an ordinal that is not there:
  // NoDeviceError if none is.
  LookupResult lookup(const Operation& operation, int device) const;
  // On a device that need not be here.
  LookupResult lookup(const Operation& operation, const DeviceInfo& device) const;

  // Finds the kernel and loads it: as it is stored; if that is not there or does not fit the device, compiled now; if
  // it cannot be or may not, one that is built in (Match::fallback: much slower than a tuned one). Once, however many
  // threads ask; what is prepared is returned without a lock. Throws UsageError for an illegal operation, NoDeviceError
  // without a GPU, NoKernelError if not even the built-in kernel can be loaded, with the reasons.
  const Prepared& prepare(const Operation& operation, int device) const;

  // Queues Y = epilogue(X W^T) on the stream and returns, or the rows of a Quantize. The prepared device is the
  // stream's and the calling thread's current one; a thread without one gets it. Takes no lock, allocates nothing and
  // may be captured. Throws UsageError for arguments that a launch would be undefined with.
  void launch(const Prepared& prepared, const FusedGemmArgs& args, CUstream_st* stream) const;
  void launch(const Prepared& prepared, const QuantizeArgs& args, CUstream_st* stream) const;

  // The same of what the arguments say. Prepares it, or throws NotPreparedError if the stream is being captured.
  void launch(const FusedGemmArgs& args, const Epilogue& epilogue, int device, CUstream_st* stream) const;
  void launch(const QuantizeArgs& args, const Prologue& prologue, int device, CUstream_st* stream) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ditune
