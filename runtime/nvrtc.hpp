// NVRTC: CUDA C++ -> cubin, without a GPU. Opened with dlopen when first needed.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

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

// A handle on the library; thread-safe: several compilations at once.
class Nvrtc {
 public:
  // Throws NvrtcError with what was tried if no NVRTC can be opened.
  Nvrtc();
  std::string version() const;  // "13.0"
  // -std=c++20, -arch=sm_XX (sm_XXa where the family needs it); the templates are handed over by name.
  // Throws NvrtcError with log and source.
  CompiledKernel compile(const KernelSource& source, SmArch arch) const;

 private:
  struct Api;
  const Api* api_;
};

// Registers and spills as `--ptxas-options=-v` prints them for the kernel `name`.
ResourceUsage parse_ptxas_log(const std::string& log, const std::string& name);

}  // namespace ditune
