// SPDX-License-Identifier: Apache-2.0
// ditune worker: where the candidates of ditune tune run. It speaks with the process that started it, not with people,
// and is in no list of commands.
#include "tuner/worker/worker.hpp"

#include <csignal>
#include <cstdint>
#include <optional>

#include "cli/command.hpp"
#include "cli/environment.hpp"
#include "cli/values.hpp"
#include "tuner/measure/compile_only.hpp"
#include "tuner/measure/gpu.hpp"

namespace ditune::cli {
namespace {

struct WorkerFlags {
  std::optional<int> ordinal;  // without one, candidates are compiled alone
  std::uint64_t seed = 0;
};

ExitCode worker(const WorkerFlags& options) {
  // A batch system sends them to all processes of a job. The process that started this one ends after the batch that
  // is at work here, and this one with it.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  serve_worker([&](const Watcher& watcher) {
    if (!options.ordinal) return compile_only_backend(nvrtc_file(), watcher);
    return GpuTuner({.ordinal = *options.ordinal, .seed = options.seed, .nvrtc = nvrtc_file(), .watcher = watcher})
        .backend();
  });
}

}  // namespace

void add_worker(CLI::App& app, Run& run) {
  const Command<WorkerFlags> command(app, run, "worker", "", worker);
  command.app->group("");  // not listed
  WorkerFlags& options = *command.options;
  add_number(*command.app, "--device", {0, 1023}, "the GPU",
             [&options](std::int64_t number) { options.ordinal = static_cast<int>(number); });
  add_seed(*command.app, options.seed, "of the random operands");
}

}  // namespace ditune::cli
