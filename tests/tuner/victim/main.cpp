// SPDX-License-Identifier: Apache-2.0
// Tunes three layers on a made-up GPU into the file that is named; its test kills it. Before each measurement it writes
// to standard output how many trials are in the file by then, as a line.
#include <fmt/format.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "tuner/fake_gpu.hpp"

using namespace ditune;

namespace {

void say(std::size_t trials) {
  const std::string line = fmt::format("{}\n", trials);
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  Store store = Store::open(words[1]);
  std::size_t committed = store.trials().size();
  test::FakeGpu gpu;
  TuneBackend backend = gpu.backend();
  backend.measure = [&, measure = backend.measure](const Target& target, std::span<const KernelConfig> configs,
                                                   Effort effort) {
    say(committed);
    committed += configs.size();
    return measure(target, configs, effort);
  };
  TuneOptions options;
  options.trials = 24;
  const auto winners = tune({Gemm{256, 512, 512}, Gemm{64, 512, 512}, Gemm{512, 512, 512}},
                            reference_device(SmArch{86}), options, backend, store);
  return winners.size() == 3 ? 0 : 1;
}
