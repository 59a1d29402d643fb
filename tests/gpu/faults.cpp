// SPDX-License-Identifier: Apache-2.0
#include "faults.hpp"

#include <map>

#include "generator/emit.hpp"
#include "runtime/nvrtc.hpp"
#include "tuner/measure/gpu.hpp"
#include "tuner/worker/worker.hpp"

namespace ditune::test {
namespace {

// Statements of one thread, behind its part of the work.
std::string_view statements(std::string_view fault) {
  if (fault == "illegal-address") return "*reinterpret_cast<volatile int*>(0x10) = 1;";
  if (fault == "infinite-loop") return "for (volatile int turn = 0;; turn = turn + 1) {}";
  if (fault == "wrong-result") return "static_cast<unsigned short*>(args.y)[0] ^= 1;";
  // out-of-memory: nearly 512 KiB of stack, the most that a thread may have, for all threads that the SMs can hold.
  return "volatile char stack[500 * 1024];"
         "for (long long i = 0; i < args.m; ++i) stack[i * args.n % sizeof stack] = 1;"
         "if (stack[args.k] == 2) static_cast<unsigned short*>(args.y)[0] = 1;";
}

}  // namespace

KernelSource with_fault(KernelSource source, std::string_view fault) {
  const std::string call = "(args);\n";
  source.text.insert(
      source.text.rfind(call) + call.size(),
      "  __syncthreads();\n  if (blockIdx.x == 0 && threadIdx.x == 0) { " + std::string(statements(fault)) + " }\n");
  return source;
}

CompilePool::Compile faulty_compile(std::span<const std::string> faulty) {
  std::map<std::string, std::string_view> faults;  // by the kernel's name
  for (std::size_t i = 0; i < faulty.size(); ++i) faults[emit(parse_config(faulty[i]), {}).name] = kFaults.at(i);
  return [faults, nvrtc = Nvrtc()](const KernelSource& source, SmArch arch) {
    const auto found = faults.find(source.name);
    return nvrtc.compile(found == faults.end() ? source : with_fault(source, found->second), arch);
  };
}

void be_faulty_worker(std::span<const std::string> faulty) {
  serve_worker([&](const Watcher& watcher) {
    return GpuTuner({.compile = faulty_compile(faulty), .watcher = watcher}).backend();
  });
}

}  // namespace ditune::test
