// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/candidate_compiler.hpp"

#include <utility>

#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"

namespace ditune {
namespace {

CompilePool::Compile watched(CompilePool::Compile compile, const Watcher& watcher) {
  if (!watcher.compiling) return compile;
  return [compile = std::move(compile), tell = watcher.compiling](const KernelSource& source, SmArch arch) {
    struct Compilation {
      const std::function<void(const std::string&, bool)>& tell;
      std::string key;
      ~Compilation() { tell(key, false); }
    } compilation{tell, compile_key(source, arch)};
    tell(compilation.key, true);
    return compile(source, arch);
  };
}

}  // namespace

CandidateCompiler::CandidateCompiler(CompilePool::Compile compile, unsigned threads, const Watcher& watcher)
    : pool_(watched(std::move(compile), watcher), threads) {}

void CandidateCompiler::prepare(const Target& target, std::span<const KernelConfig> configs) {
  for (const KernelConfig& config : configs) pool_.compile(emit(config, target.operation), target.device.arch);
}

CompiledKernel CandidateCompiler::compiled(const Target& target, const KernelConfig& config) {
  return compile(emit(config, target.operation), target.device.arch);
}

std::vector<Measurement> CandidateCompiler::examine(const Target& target, std::span<const KernelConfig> configs) {
  prepare(target, configs);
  std::vector<Measurement> results;
  for (const KernelConfig& config : configs) {
    Measurement& result = results.emplace_back();
    try {
      result.resources = compiled(target, config).resources;
      result.resources.shared_bytes += launch_plan(config, target).shared_bytes;
    } catch (const NvrtcError& error) {
      result.failure = error.what();
    }
  }
  return results;
}

std::string CandidateCompiler::cubin(const Target& target, const KernelConfig& config) {
  try {
    return compiled(target, config).cubin;
  } catch (const NvrtcError&) {
    return {};
  }
}

CompiledKernel CandidateCompiler::compile(const KernelSource& source, SmArch arch) {
  return pool_.compile(source, arch).get();
}

}  // namespace ditune
