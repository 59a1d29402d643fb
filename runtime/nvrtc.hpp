// SPDX-License-Identifier: Apache-2.0
// NVRTC: CUDA C++ -> cubin, without a GPU. Opened with dlopen when first needed.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "ditune/device.hpp"
#include "ditune/error.hpp"
#include "ditune/record.hpp"
#include "generator/emit.hpp"

namespace ditune {

struct CompiledKernel {
  std::string name;  // of the kernel in the cubin
  std::string cubin;
  ResourceUsage resources;  // shared_bytes: static alone
};

// Where NVRTC is looked for, in this order: the loader's own search, then the toolkit's usual folders.
inline constexpr std::array kNvrtcCandidates = {
    "libnvrtc.so.13",
    "libnvrtc.so.12",
    "libnvrtc.so",
    "/usr/local/cuda/lib64/libnvrtc.so",
    "/usr/local/cuda/lib64/libnvrtc.so.13",
    "/usr/local/cuda/lib64/libnvrtc.so.12",
    "/usr/local/cuda/targets/x86_64-linux/lib/libnvrtc.so",
    "/opt/cuda/lib64/libnvrtc.so",
    "/usr/lib/x86_64-linux-gnu/libnvrtc.so",
};

// A handle on the library; copies share it. Thread-safe: several compilations at once.
class Nvrtc {
 public:
  // Throws NvrtcError with what was tried if no NVRTC can be opened.
  explicit Nvrtc(std::span<const char* const> candidates = kNvrtcCandidates);
  // The one in this file; empty: the first of kNvrtcCandidates.
  explicit Nvrtc(const std::filesystem::path& file);
  std::string version() const;  // "13.0"
  std::string path() const;     // the file that the loader opened
  // As C++20 for exactly this arch, sm_90 as sm_90a; the embedded templates are handed over by name. Throws NvrtcError
  // with log and source, or CompilerFailure.
  CompiledKernel compile(const KernelSource& source, SmArch arch) const;
  // The same as PTX, which the driver compiles for this arch and for every newer one.
  std::string ptx(const KernelSource& source, SmArch arch) const;

 private:
  struct Api;
  class Program;
  bool version_at_least(int major, int minor) const;
  bool knows(SmArch arch) const;
  std::string run(const Program& program, const KernelSource& source, const std::string& target) const;

  std::shared_ptr<const Api> api_;
};

// Registers, spills and static shared memory as `--ptxas-options=-v` prints them for the kernel `name`. Throws
// NvrtcError if the log says nothing of it.
ResourceUsage parse_ptxas_log(const std::string& log, const std::string& name);

}  // namespace ditune
