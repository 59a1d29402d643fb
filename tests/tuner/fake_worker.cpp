// SPDX-License-Identifier: Apache-2.0
// A worker whose backend is made up. Arguments: FAULT=CONFIG..., or "no-device" for a backend that cannot be made, or
// "parent" and those of a worker, which this process then starts and hangs on.
#include <sys/resource.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "made_up_backend.hpp"
#include "tuner/worker/worker.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Faults faults_of(const std::vector<std::string>& arguments) {
  Faults faults;
  for (const std::string& argument : arguments) {
    const std::size_t end = argument.find('=');
    faults[argument.substr(end + 1)] = argument.substr(0, end);
  }
  return faults;
}

// Prints the worker's process id.
int be_parent(const std::string& program, std::vector<std::string> arguments) {
  const KernelConfig hanging = parse_config(faults_of(arguments).begin()->first);
  arguments.insert(arguments.begin(), program);
  const TuneBackend backend = worker_backend({.command = arguments});
  std::puts(backend.provenance().gpu_uuid.c_str());
  std::fflush(stdout);
  backend.measure({Gemm{64, 128, 128}, reference_device(SmArch{90})}, {&hanging, 1}, Effort::screen);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);  // crashes are meant
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "parent")
    return be_parent(argv[0], {arguments.begin() + 1, arguments.end()});
  serve_worker([&](const Watcher& watcher) {
    if (!arguments.empty() && arguments[0] == "no-device") throw CudaError("no such device", "choose another");
    return made_up_backend(faults_of(arguments), watcher);
  });
}
