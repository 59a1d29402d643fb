// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/gpu.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "generator/arguments.hpp"
#include "generator/launch_plan.hpp"
#include "runtime/nvml.hpp"
#include "tuner/measure/candidate_compiler.hpp"
#include "tuner/measure/gpu_problem.hpp"
#include "tuner/measure/provenance.hpp"
#include "tuner/measure/remarks.hpp"
#include "tuner/measure/timing_policy.hpp"
#include "tuner/worker/device_lost.hpp"

namespace ditune {
namespace {

// A failed launch is the candidate's fault, unless the device does nothing any more after it.
void require_alive(const KernelConfig& config, const CudaError& error) {
  const std::string why = why_lost();
  if (why.empty()) return;
  throw DeviceLost("the GPU gave up at " + format(config) + ": " + error.what(),
                   "run again; exclude the config if it happens again", why);
}

// Of entries that were verified before, no one knows which it is that fails now; what they leave behind is not to be
// built on.
DeviceLost lost_while_timing(const CudaError& error) {
  const std::string why = why_lost();
  return {"the GPU gave up while candidates were timed: " + std::string(error.what()), "run again",
          why.empty() ? error.what() : why};
}

// Signs of life, at most one a second: no launch waits for more.
TimedEntry with_signs_of_life(TimedEntry entry, const std::function<void()>& tell) {
  using Clock = std::chrono::steady_clock;
  entry.launch = [launch = std::move(entry.launch), tell, last = Clock::time_point()](int set,
                                                                                      const Stream& stream) mutable {
    if (const auto now = Clock::now(); now - last >= std::chrono::seconds(1)) {
      last = now;
      tell();
    }
    launch(set, stream);
  };
  return entry;
}

}  // namespace

class GpuTuner::Impl {
 public:
  explicit Impl(const GpuOptions& options)
      : options_(on_device(options)),
        arch_(device_info(options.ordinal).arch),
        uuid_(device_uuid(options.ordinal)),
        nvml_(uuid_),
        nvrtc_(options.nvrtc),
        compiler_(
            options.compile
                ? options.compile
                : [nvrtc = nvrtc_](const KernelSource& source, SmArch arch) { return nvrtc.compile(source, arch); },
            options.threads, options.watcher),
        kernels_(std::make_shared<ReferenceKernels>(compiler_.compile(ReferenceKernels::source(), arch_))) {}

  CandidateCompiler& compiler() { return compiler_; }

  std::vector<Measurement> measure(const Target& target, std::span<const KernelConfig> configs, Effort effort) {
    std::vector<Measurement> results = compiler_.examine(target, configs);
    std::vector<Kernel> kernels(configs.size());
    for (std::size_t i = 0; i < configs.size(); ++i) {
      if (!results[i].ok()) continue;
      Checked checked = check(target, timed_layout(target), configs[i]);
      results[i].failure = std::move(checked.failure);
      kernels[i] = std::move(checked.kernel);
    }
    // Only now: one workspace, as large as any of them needs, is enough.
    std::vector<TimedEntry> entries;
    std::vector<Measurement*> timed;
    std::vector<KernelConfig> running;
    const auto tell = [&] { tell_running(target, running); };
    for (std::size_t i = 0; i < configs.size(); ++i) {
      if (!results[i].ok()) continue;
      entries.push_back(with_signs_of_life(problem_->entry(kernels[i], configs[i]), tell));
      timed.push_back(&results[i]);
      running.push_back(configs[i]);
    }
    tell();
    Timing timing = time(entries, effort);
    state_ = typical_state(timing.states);
    remarks_.measured(timing.states, effort == Effort::sustain ? Regime::sustained : Regime::burst);
    remarks_.processes(nvml_.compute_processes(), static_cast<unsigned>(getpid()));
    for (std::size_t i = 0; i < timed.size(); ++i)
      fill_in(*timed[i], std::move(timing.samples_us[i]), timing.power_w[i]);
    return results;
  }

  std::vector<Verdict> verify(const Target& target, std::span<const KernelConfig> configs, OperandCase which) {
    compiler_.prepare(target, configs);
    // Those that share a layout one after another.
    std::vector<std::pair<Layout, std::size_t>> order;
    const FarRows far = require_far_rows(target, which);
    for (std::size_t i = 0; i < configs.size(); ++i) {
      const Strides multiples = stride_multiples(configs[i], target.operation);
      const Strides strides = strides_of(which, target.operation, multiples, far);
      order.push_back({{OperandSets::one, strides, values_of(which)}, i});
    }
    std::ranges::sort(order);
    std::vector<Verdict> verdicts(configs.size());
    for (const auto& [layout, i] : order) verdicts[i] = {configs[i], check(target, layout, configs[i]).failure, which};
    return verdicts;
  }

  bool fits(const Target& target, OperandCase which) {
    return which != OperandCase::far || far_rows(target).has_value();
  }

  CheckedEntry timed_entry(const Target& target, const KernelConfig& config) {
    const Checked checked = check(target, timed_layout(target), config);
    if (!checked.failure.empty()) return {TimedEntry(), checked.failure};
    TimedEntry entry = problem_->entry(checked.kernel, config);
    entry.launch = [launch = std::move(entry.launch), alive = problem_](int set, const Stream& stream) {
      launch(set, stream);
    };
    return {std::move(entry), std::string()};
  }

  std::vector<std::string> remarks() { return remarks_.take(); }

  Provenance provenance() const {
    Provenance from = toolchain_provenance(nvrtc_);
    from.gpu_uuid = uuid_;
    from.driver_version = nvml_.driver_version();
    if (from.driver_version.empty()) from.driver_version = cuda_driver_version();
    from.sm_clock_mhz = state_.sm_clock_mhz;
    from.temperature_c = state_.temperature_c;
    return from;
  }

 private:
  // All that follows in the constructor happens on the device.
  static GpuOptions on_device(const GpuOptions& options) {
    use_device(options.ordinal);
    return options;
  }

  // A config's kernel on the device, and why it is wrong, or nothing.
  struct Checked {
    Kernel kernel;
    std::string failure;
  };

  // What is on the device besides the target's problem.
  struct Layout {
    OperandSets sets;
    Strides strides;
    Values values;
    auto operator<=>(const Layout&) const = default;
  };
  static Layout timed_layout(const Target& target) {
    return {OperandSets::beyond_l2, packed_strides(target.operation), Values::random};
  }

  Checked check(const Target& target, const Layout& layout, const KernelConfig& config) {
    use_device(options_.ordinal);
    lay_out(target, layout);    // what goes wrong here is not the config's fault
    bool takes_memory = false;  // of its own
    try {
      const CompiledKernel compiled = compiler_.compiled(target, config);
      tell_running(target, {&config, 1});
      Kernel kernel(compiled.cubin, compiled.name);
      takes_memory = kernel.stack_bytes() > 0 || launch_plan(config, target).workspace_bytes > 0;
      std::string failure = problem_->failure(kernel, config);
      return {std::move(kernel), std::move(failure)};
    } catch (const DeviceMemoryError& error) {
      if (!takes_memory) throw;  // another program has it
      return {Kernel(), error.what()};
    } catch (const CudaError& error) {
      require_alive(config, error);
      return {Kernel(), error.what()};
    } catch (const CompilerFailure&) {  // the machine's, and no config is to blame
      throw;
    } catch (const Error& error) {  // it does not compile, or does not take these operands
      return {Kernel(), error.what()};
    }
  }

  Timing time(std::span<const TimedEntry> entries, Effort effort) const {
    try {
      return time_entries(entries, effort, nvml_);
    } catch (const DeviceMemoryError&) {  // another program has it, and no entry is to blame
      throw;
    } catch (const CudaError& error) {
      throw lost_while_timing(error);
    }
  }

  void tell_running(const Target& target, std::span<const KernelConfig> configs) const {
    if (!options_.watcher.running) return;
    std::vector<std::string> keys;
    for (const KernelConfig& config : configs) keys.push_back(run_key(target, config));
    options_.watcher.running(keys);
  }

  // The problem that is at work stays on the device until another one comes.
  void lay_out(const Target& target, const Layout& layout) {
    if (problem_ && is_same(problem_->target(), target) && layout_ == layout) return;
    tell_running(target, {});
    problem_.reset();  // its memory is needed
    problem_ = std::make_shared<GpuProblem>(target, layout.strides, layout.sets, Contents{options_.seed, layout.values},
                                            kernels_);
    layout_ = layout;
  }

  // The farthest rows that there is memory for; the same as long as they are on the device.
  std::optional<FarRows> far_rows(const Target& target) {
    use_device(options_.ordinal);
    const auto layout_with = [&](const FarRows& far) {
      return Layout{OperandSets::one, strides_of(OperandCase::far, target.operation, {}, far), Values::random};
    };
    for (const FarRows& far : kFarOnGpu)
      if (problem_ && is_same(problem_->target(), target) && layout_ == layout_with(far)) return far;
    problem_.reset();
    for (const FarRows& far : kFarOnGpu)
      if (has_room(target, layout_with(far).strides)) return far;
    return std::nullopt;
  }

  FarRows require_far_rows(const Target& target, OperandCase which) {
    if (which != OperandCase::far) return kFarOnHost;
    if (const auto far = far_rows(target)) return *far;
    throw CudaError("the GPU's free memory does not hold rows that are far apart", "verify with another --case");
  }

  // For the operands, the reference's results twice, a workspace, and what the driver takes besides.
  static bool has_room(const Target& target, const Strides& strides) {
    constexpr std::size_t kBesides = std::size_t{3} << 30;
    std::size_t results = 0;
    for (const Operand& operand : operands_of(target.operation, strides))
      if (operand.role == Role::output) results += operand.rows() * operand.row_bytes();
    return operand_bytes(target.operation, strides) + 2 * results + kBesides <= free_bytes();
  }
  // A pitch of 2^29 values of 4 bytes is the largest that the driver copies.
  static constexpr std::int64_t kMostPitch = (std::int64_t{1} << 29) - 16;
  static constexpr std::array kFarOnGpu{FarRows{.span = std::int64_t{1} << 33, .pitch = kMostPitch},
                                        FarRows{.span = std::int64_t{1} << 32, .pitch = kMostPitch}};

  static bool is_same(const Target& a, const Target& b) { return a.operation == b.operation; }

  const GpuOptions options_;
  const SmArch arch_;
  const std::string uuid_;
  const Nvml nvml_;
  GpuState state_;  // during the last measurement
  Remarks remarks_;
  const Nvrtc nvrtc_;
  CandidateCompiler compiler_;
  const std::shared_ptr<const ReferenceKernels> kernels_;
  std::shared_ptr<GpuProblem> problem_;
  Layout layout_{};  // of it
};

GpuTuner::GpuTuner(const GpuOptions& options) : impl_(std::make_shared<Impl>(options)) {}

TuneBackend GpuTuner::backend() const {
  TuneBackend backend;
  backend.measure = [impl = impl_](const Target& target, std::span<const KernelConfig> configs, Effort effort) {
    return impl->measure(target, configs, effort);
  };
  backend.compile = [impl = impl_](const Target& target, std::span<const KernelConfig> configs) {
    return impl->compiler().examine(target, configs);
  };
  backend.prepare = [impl = impl_](const Target& target, std::span<const KernelConfig> configs) {
    impl->compiler().prepare(target, configs);
  };
  backend.cubin = [impl = impl_](const Target& target, const KernelConfig& config) {
    return impl->compiler().cubin(target, config);
  };
  backend.provenance = [impl = impl_] { return impl->provenance(); };
  backend.remarks = [impl = impl_] { return impl->remarks(); };
  return backend;
}

std::vector<Verdict> GpuTuner::verify(const Target& target, std::span<const KernelConfig> configs,
                                      OperandCase which) const {
  return impl_->verify(target, configs, which);
}

bool GpuTuner::fits(const Target& target, OperandCase which) const { return impl_->fits(target, which); }

CheckedEntry GpuTuner::timed_entry(const Target& target, const KernelConfig& config) const {
  return impl_->timed_entry(target, config);
}

}  // namespace ditune
