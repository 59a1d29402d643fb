// SPDX-License-Identifier: Apache-2.0
// A made-up machine whose candidates can take the process down, each in its way.
#pragma once

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "generator/cost_model.hpp"
#include "tuner/measure/candidate_compiler.hpp"
#include "tuner/tune.hpp"
#include "tuner/worker/device_lost.hpp"

namespace ditune::test {

// Config text to what is wrong with it: compile-crash, compile-hang, compile-error; run-crash, run-exit, run-hang,
// run-lost, run-garbage, run-cut, run-print, run-error, run-close; time-crash, together-crash. And kills from outside:
// compile-kill, compile-terminate, run-kill; compile-kill-together is one while others are compiled, too.
using Faults = std::map<std::string, std::string>;

inline std::string made_up_cubin(const std::string& name) {
  std::string cubin = name;
  for (int i = 0; i < 5'000'000; ++i) cubin += static_cast<char>(i % 251);
  return cubin;
}

class MadeUpMachine {
 public:
  MadeUpMachine(Faults faults, Watcher watcher)
      : faults_(std::move(faults)),
        watcher_(std::move(watcher)),
        compiler_([this](const KernelSource& source, SmArch) { return compile(source); }, kThreads, watcher_) {}

  std::vector<Measurement> compile(const Target& target, std::span<const KernelConfig> configs) {
    prepare(target, configs);
    return compiler_.examine(target, configs);
  }

  void prepare(const Target& target, std::span<const KernelConfig> configs) {
    // What is being compiled already was asked for before, and waits for those that were asked for with it.
    std::vector<KernelConfig> news;
    for (const KernelConfig& config : configs)
      if (know(emit(config, target.operation).name, fault(config))) news.push_back(config);
    if (!news.empty()) {
      asked_ = static_cast<int>(news.size());
      begun_ = 0;
      end_comes_ = std::ranges::any_of(news, [&](const auto& config) { return end_of(fault(config)).has_value(); });
    }
    compiler_.prepare(target, configs);
  }

  std::vector<Measurement> measure(const Target& target, std::span<const KernelConfig> configs, Effort effort) {
    std::vector<Measurement> results = compile(target, configs);
    std::vector<std::string> timed;
    for (std::size_t i = 0; i < configs.size(); ++i) {
      if (!results[i].ok()) continue;
      timed.push_back(run_key(target, configs[i]));
      tell({timed.back()});
      run(fault(configs[i]));
    }
    tell(timed);
    for (std::size_t i = 0; i < configs.size(); ++i) {
      if (fault(configs[i]) == "time-crash" || (fault(configs[i]) == "together-crash" && configs.size() > 1))
        end_by(SIGSEGV);
      if (results[i].ok()) fill_in(results[i], predict(configs[i], target).total_us, effort);
    }
    return results;
  }

  std::string cubin(const Target& target, const KernelConfig& config) { return compiler_.cubin(target, config); }

 private:
  static constexpr unsigned kThreads = 8;

  [[noreturn]] static void end_by(int signal) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    std::abort();
  }
  [[noreturn]] static void hang() {
    while (true) ::pause();
  }
  [[noreturn]] static void close_output_and_hang() {
    ::shutdown(STDIN_FILENO, SHUT_WR);  // the socket that standard output was
    hang();
  }
  // To the parent: standard input is the socket that standard output was.
  static void send_raw(const std::string& bytes) {
    if (::write(STDIN_FILENO, bytes.data(), bytes.size()) < 0) std::abort();
  }

  std::string fault(const KernelConfig& config) const {
    const auto found = faults_.find(format(config));
    return found == faults_.end() ? "" : found->second;
  }

  // Whether it was not known.
  bool know(const std::string& name, const std::string& fault) {
    const std::scoped_lock lock(mutex_);
    return faults_by_name_.emplace(name, fault).second;
  }
  std::string known_fault(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    return faults_by_name_.at(name);
  }

  // The signal that ends the process when this is compiled.
  std::optional<int> end_of(const std::string& fault) const {
    if (fault == "compile-crash") return SIGSEGV;
    if (fault == "compile-kill" || (fault == "compile-kill-together" && asked_ > 1)) return SIGKILL;
    if (fault == "compile-terminate") return SIGTERM;
    return std::nullopt;
  }

  // What ends the process waits until all that were asked for with it are being compiled, and they wait for the end.
  CompiledKernel compile(const KernelSource& source) {
    const std::string fault = known_fault(source.name);
    ++begun_;
    if (const std::optional<int> signal = end_of(fault)) {
      while (begun_ < asked_) ::usleep(1000);
      end_by(*signal);
    }
    if (end_comes_ || fault == "compile-hang") hang();
    if (fault == "compile-error") throw NvrtcError("it does not compile", "");
    return {source.name, made_up_cubin(source.name), {.registers = 100, .spill_bytes = 4, .shared_bytes = 16}};
  }

  static void run(const std::string& fault) {
    if (fault == "run-crash") end_by(SIGSEGV);
    if (fault == "run-kill") end_by(SIGKILL);
    if (fault == "run-close") close_output_and_hang();
    if (fault == "run-exit") std::_Exit(0);
    if (fault == "run-hang") hang();
    if (fault == "run-lost") throw DeviceLost("gone", "", "an illegal memory access was encountered");
    if (fault == "run-error") throw CudaError("out of memory", "free some");
    if (fault == "run-print") {
      std::puts("hello");
      std::fflush(stdout);
    }
    if (fault == "run-garbage") send_raw(std::string(100'000, '\x81'));
    if (fault == "run-cut") {
      send_raw("\xD1tw\x01\x09");
      std::_Exit(0);
    }
  }

  static void fill_in(Measurement& measurement, double us, Effort effort) {
    measurement.samples_us = {us, 1.1 * us, us / 3};
    measurement.median_us = us;
    measurement.low_us = us / 3;
    measurement.high_us = 1.1 * us;
    measurement.power_w = effort == Effort::sustain ? 350.5 : 0;
  }

  void tell(const std::vector<std::string>& keys) const {
    if (watcher_.running) watcher_.running(keys);
  }

  const Faults faults_;
  const Watcher watcher_;
  std::mutex mutex_;
  std::map<std::string, std::string> faults_by_name_;
  std::atomic<int> asked_ = 0, begun_ = 0;
  std::atomic<bool> end_comes_ = false;
  CandidateCompiler compiler_;
};

// Its provenance tells the process it is in as the GPU's UUID.
inline TuneBackend made_up_backend(const Faults& faults, const Watcher& watcher = {}) {
  const auto machine = std::make_shared<MadeUpMachine>(faults, watcher);
  TuneBackend backend;
  backend.measure = [machine](const Target& target, std::span<const KernelConfig> configs, Effort effort) {
    return machine->measure(target, configs, effort);
  };
  backend.compile = [machine](const Target& target, std::span<const KernelConfig> configs) {
    return machine->compile(target, configs);
  };
  backend.prepare = [machine](const Target& target, std::span<const KernelConfig> configs) {
    machine->prepare(target, configs);
  };
  backend.cubin = [machine](const Target& target, const KernelConfig& config) {
    return machine->cubin(target, config);
  };
  backend.provenance = [] {
    return Provenance{.gpu_uuid = std::to_string(::getpid()),
                      .driver_version = "580.1",
                      .cuda_version = "13.0",
                      .nvrtc_version = "13.1",
                      .ditune_version = "0.1",
                      .sm_clock_mhz = 1980.5,
                      .temperature_c = 41,
                      .when = "2026-11-22T12:00:00Z",
                      .seed = ~std::uint64_t{0}};
  };
  backend.remarks = [] { return std::vector<std::string>{"clocks fell"}; };
  return backend;
}

}  // namespace ditune::test
