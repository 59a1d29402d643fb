// SPDX-License-Identifier: Apache-2.0
// The host's C++ compiler: CUDA C++ -> a kernel that runs on the CPU, under emulation/.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "ditune/error.hpp"
#include "emulation/emulate.hpp"
#include "generator/emit.hpp"
#include "generator/kernel_parameter.hpp"
#include "templates/embedded.hpp"

namespace ditune {

// A kernel compiled for the CPU and loaded. Keeps the object open; copies share it.
class HostKernel {
 public:
  HostKernel() = default;  // none
  const std::string& name() const { return name_; }
  // As emulation::emulate; `launch.kernel` and what its launch bounds say are filled in here. One parameter, by value:
  // the struct that the kernel takes. Several OS threads may run it at once.
  template <class Parameter>
  emulation::Report run(const emulation::Launch& launch, std::span<const emulation::Region> memory,
                        const Parameter& parameter) const {
    return run_raw(launch, memory, &parameter);
  }
  emulation::Report run(const emulation::Launch& launch, std::span<const emulation::Region> memory,
                        const KernelParameter& parameter) const {
    return run_raw(launch, memory, parameter.bytes.data());
  }

 private:
  emulation::Report run_raw(emulation::Launch launch, std::span<const emulation::Region> memory,
                            const void* parameter) const;
  friend class HostCompiler;
  struct Object;
  HostKernel(std::string name, std::shared_ptr<const Object> object)
      : name_(std::move(name)), object_(std::move(object)) {}

  std::string name_;
  std::shared_ptr<const Object> object_;
};

// Keeps compiled objects in a folder, named by the SHA-256 of all that they are made of: the compiler's command and
// version, its flags, the source, the templates and the wrappers. An object that is not as it was written is compiled
// again. Thread-safe, several compilations (and several processes) at once; what several threads ask for at once is
// compiled once. Copies share the compiler.
class HostCompiler {
 public:
  // `command`: as in $CXX, words apart at blanks: "g++-12", "ccache clang++". `cache`: made if it is not there. Throws
  // UsageError if the command does not run or is no C++20 compiler, or the folder cannot be written.
  HostCompiler(const std::string& command, const std::filesystem::path& cache);

  const std::string& version() const;  // the first line of what --version prints

  // Throws HostCompilerError with the compiler's output and the source; UsageError if the cache cannot be written (any
  // more).
  HostKernel compile(const KernelSource& source) const { return compile(source, embedded_templates()); }
  // The same against other templates than the embedded ones.
  HostKernel compile(const KernelSource& source, std::span<const EmbeddedFile> templates) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ditune
