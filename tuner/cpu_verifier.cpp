#include "tuner/cpu_verifier.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "generator/emit.hpp"
#include "tuner/host_problem.hpp"

namespace ditune {
namespace {

// A problem that several configs run on: laid out by the first that comes.
class SharedProblem {
 public:
  SharedProblem(Target target, std::uint64_t seed) : target_(std::move(target)), seed_(seed) {}
  const HostProblem& get() {
    std::call_once(laid_out_, [&] { problem_.emplace(target_, packed_strides(target_.problem), seed_); });
    return *problem_;
  }
  const GemmProblem& shape() const { return target_.problem; }

 private:
  Target target_;
  std::uint64_t seed_;
  std::once_flag laid_out_;
  std::optional<HostProblem> problem_;
};

struct Task {
  std::size_t index;  // of the config
  std::shared_ptr<SharedProblem> problem;
};

// Those of one problem follow one another, so that few problems are in memory at once.
std::vector<Task> tasks_for(const Target& target, std::span<const KernelConfig> configs, std::uint64_t seed) {
  std::map<std::pair<GemmProblem, int>, std::shared_ptr<SharedProblem>> problems;  // by the device's SMs, too
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const Target small = emulated_target(target, configs[i]);
    auto& problem = problems[{small.problem, small.device.sms}];
    if (!problem) problem = std::make_shared<SharedProblem>(small, seed);
    tasks.push_back({i, problem});
  }
  std::ranges::stable_sort(tasks, {}, [](const Task& task) { return task.problem->shape(); });
  return tasks;
}

// What the threads of one verification work on.
class Work {
 public:
  Work(const HostCompiler& compiler, std::uint64_t seed, const Target& target, std::span<const KernelConfig> configs,
       const CpuVerifier::Progress& progress)
      : compiler_(compiler),
        seed_(seed),
        target_(target),
        configs_(configs),
        progress_(progress),
        tasks_(tasks_for(target, configs, seed)),
        verdicts_(configs.size()) {}

  // Until nothing is left or something failed.
  void take_turns() {
    for (std::size_t turn = next_++; turn < tasks_.size(); turn = next_++) {
      try {
        run(std::exchange(tasks_[turn], {}));
      } catch (...) {
        next_ = tasks_.size();
        const std::scoped_lock lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
      }
    }
  }

  std::vector<EmulatedVerdict> verdicts() {
    if (failure_) std::rethrow_exception(failure_);
    return std::move(verdicts_);
  }

 private:
  void run(const Task& task) {
    const KernelConfig& config = configs_[task.index];
    announce(config);
    const HostKernel kernel = compiler_.compile(emit(config, target_.epilogue));
    Emulation emulation = task.problem->get().run(kernel, config, seed_);
    verdicts_[task.index] = {.verdict = {config, std::move(emulation.failure)},
                             .problem = task.problem->shape(),
                             .shared = std::move(emulation.shared)};
    ++done_;
  }

  void announce(const KernelConfig& config) {
    if (!progress_) return;
    const std::scoped_lock lock(mutex_);
    progress_(done_, config);
  }

  const HostCompiler& compiler_;
  const std::uint64_t seed_;
  const Target& target_;
  const std::span<const KernelConfig> configs_;
  const CpuVerifier::Progress& progress_;
  std::vector<Task> tasks_;                // each is emptied by the thread whose turn it is
  std::vector<EmulatedVerdict> verdicts_;  // each is written by one thread
  std::atomic<std::size_t> next_ = 0, done_ = 0;
  std::mutex mutex_;  // of progress_ and failure_
  std::exception_ptr failure_;
};

}  // namespace

CpuVerifier::CpuVerifier(HostCompiler compiler, const CpuOptions& options)
    : compiler_(std::move(compiler)), options_(options) {}

std::vector<EmulatedVerdict> CpuVerifier::verify(const Target& target, std::span<const KernelConfig> configs,
                                                 const Progress& progress) const {
  Work work(compiler_, options_.seed, target, configs, progress);
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t threads = std::min(options_.threads > 0 ? options_.threads : cores, configs.size());
  {
    std::vector<std::jthread> pool;
    for (std::size_t i = 0; i < threads; ++i) pool.emplace_back([&work] { work.take_turns(); });
  }
  return work.verdicts();
}

}  // namespace ditune
