// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/compile_only.hpp"

#include <memory>

#include "runtime/nvrtc.hpp"
#include "tuner/measure/candidate_compiler.hpp"
#include "tuner/measure/provenance.hpp"

namespace ditune {

TuneBackend compile_only_backend(const std::filesystem::path& file, const Watcher& watcher) {
  const Nvrtc nvrtc(file);
  const auto compiler = std::make_shared<CandidateCompiler>(
      [nvrtc](const KernelSource& source, SmArch arch) { return nvrtc.compile(source, arch); }, 0, watcher);
  TuneBackend backend;
  backend.compile = [compiler](const Target& target, std::span<const KernelConfig> configs) {
    return compiler->examine(target, configs);
  };
  backend.prepare = [compiler](const Target& target, std::span<const KernelConfig> configs) {
    compiler->prepare(target, configs);
  };
  backend.cubin = [compiler](const Target& target, const KernelConfig& config) {
    return compiler->cubin(target, config);
  };
  backend.provenance = [nvrtc] { return toolchain_provenance(nvrtc); };
  return backend;
}

}  // namespace ditune
