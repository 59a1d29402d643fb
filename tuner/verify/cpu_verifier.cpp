// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/cpu_verifier.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "core/in_parallel.hpp"
#include "generator/arguments.hpp"
#include "generator/emit.hpp"
#include "tuner/verify/host_problem.hpp"

namespace ditune {
namespace {

// A problem that several configs run on: laid out by the first that comes.
class SharedProblem {
 public:
  SharedProblem(Target target, const Strides& strides, const Contents& contents)
      : target_(std::move(target)), strides_(strides), contents_(contents) {}
  const HostProblem& get() {
    std::call_once(laid_out_, [&] { problem_.emplace(target_, strides_, contents_); });
    return *problem_;
  }

 private:
  Target target_;
  Strides strides_;
  Contents contents_;
  std::once_flag laid_out_;
  std::optional<HostProblem> problem_;
};

struct Task {
  std::size_t index;  // of the config
  Operation operation;
  std::vector<std::shared_ptr<SharedProblem>> problems;  // one a case
};

// Those of one problem follow one another, so that few problems are in memory at once.
std::vector<Task> tasks_for(const Target& target, std::span<const KernelConfig> configs, const CpuOptions& options) {
  using Key = std::tuple<std::string, int, Strides, Values>;  // by the device's SMs, too
  std::map<Key, std::shared_ptr<SharedProblem>> problems;
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const Target small = emulated_target(target, configs[i]);
    const Strides multiples = stride_multiples(configs[i], target.operation);
    Task& task = tasks.emplace_back(Task{i, small.operation, {}});
    for (const OperandCase which : options.cases) {
      const Strides strides = strides_of(which, small.operation, multiples);
      auto& problem = problems[{describe(small.operation), small.device.sms, strides, values_of(which)}];
      if (!problem) problem = std::make_shared<SharedProblem>(small, strides, Contents{options.seed, values_of(which)});
      task.problems.push_back(problem);
    }
  }
  std::ranges::stable_sort(tasks, {}, [](const Task& task) { return describe(task.operation); });
  return tasks;
}

// What the threads of one verification work on.
class Work {
 public:
  Work(const HostCompiler& compiler, const CpuOptions& options, const Target& target,
       std::span<const KernelConfig> configs, const CpuVerifier::Progress& progress)
      : compiler_(compiler),
        options_(options),
        configs_(configs),
        progress_(progress),
        tasks_(tasks_for(target, configs, options)),
        verdicts_(configs.size()) {}

  void run(std::size_t turn) { run(std::exchange(tasks_[turn], {})); }

  std::vector<EmulatedVerdict> verdicts() && { return std::move(verdicts_); }

 private:
  void run(const Task& task) {
    const KernelConfig& config = configs_[task.index];
    announce(config);
    const HostKernel kernel = compiler_.compile(emit(config, task.operation));
    EmulatedVerdict& verdict = verdicts_[task.index];
    verdict = {.verdict = {config, {}}, .operation = task.operation, .shared = {}};
    for (std::size_t i = 0; i < task.problems.size() && verdict.verdict.ok(); ++i) {
      const OperandCase which = options_.cases[i];
      Emulation emulation = task.problems[i]->get().run(kernel, config, schedule_of(which, options_.seed));
      verdict.verdict = {config, std::move(emulation.failure), which};
      if (i == 0) verdict.shared = std::move(emulation.shared);
    }
    ++done_;
  }

  void announce(const KernelConfig& config) {
    if (!progress_) return;
    const std::scoped_lock lock(mutex_);
    progress_(done_, config);
  }

  const HostCompiler& compiler_;
  const CpuOptions& options_;
  const std::span<const KernelConfig> configs_;
  const CpuVerifier::Progress& progress_;
  std::vector<Task> tasks_;                // each is emptied by the thread whose turn it is
  std::vector<EmulatedVerdict> verdicts_;  // each is written by one thread
  std::atomic<std::size_t> done_ = 0;
  std::mutex mutex_;  // of progress_
};

}  // namespace

CpuVerifier::CpuVerifier(HostCompiler compiler, const CpuOptions& options)
    : compiler_(std::move(compiler)), options_(options) {}

std::vector<EmulatedVerdict> CpuVerifier::verify(const Target& target, std::span<const KernelConfig> configs,
                                                 const Progress& progress) const {
  Work work(compiler_, options_, target, configs, progress);
  in_parallel(configs.size(), options_.threads, [&](std::size_t turn) { work.run(turn); });
  return std::move(work).verdicts();
}

}  // namespace ditune
