// SPDX-License-Identifier: Apache-2.0
// A made-up machine for the tests of tune: costs without a GPU, and a record of what was asked of it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "generator/cost_model.hpp"
#include "landscape.hpp"
#include "tuner/tune.hpp"

namespace ditune::test {

struct FakeGpu {
  std::set<std::string> failing, spilling;  // config texts
  bool all_fail = false, all_spill = false;
  std::string reason = "does not compile";                   // of what fails
  bool failing_compile = false;                              // and fail where they are measured
  std::map<std::string, double> factors, sustained_factors;  // on the cost, by config text; sustained: without them
  std::map<std::string, int> registers;                      // by config text; 128
  std::map<std::string, std::string> cubins;                 // by config text; "cubin of " and that
  std::set<std::string> failing_sustained;
  std::string nvrtc_version, uuid = "GPU-1";
  std::chrono::seconds batch_time{0}, compile_time{0};  // that a call takes on the made-up clock
  std::chrono::steady_clock::time_point clock{};
  std::vector<std::pair<Effort, std::vector<KernelConfig>>> calls;
  std::vector<KernelConfig> prepared;
  std::vector<std::size_t> prepared_before;  // how many when each call came
  int compiled = 0;

  // Of a short look; a long one is exact, so that the two differ.
  static double cost(const KernelConfig& config, const Target& target, Effort effort) {
    const double us = distorted_by_text(config, predict(config, target).total_us);
    return effort == Effort::screen ? us * (1 + 0.01 * noise(format(config), 99)) : us;
  }

  static double distorted_by_text(const KernelConfig& config, double predicted_us) {
    return predicted_us * std::exp(0.1 * noise(format(config), 7));
  }

  std::string failure_of(const KernelConfig& config) const {
    return all_fail || failing.contains(format(config)) ? reason : "";
  }

  TuneBackend compile_backend() {
    TuneBackend backend;
    backend.compile = [this](const Target&, std::span<const KernelConfig> configs) {
      clock += compile_time;
      std::vector<Measurement> results;
      for (const KernelConfig& config : configs) {
        ++compiled;
        Measurement& result = results.emplace_back();
        if (!failing_compile) result.failure = failure_of(config);
        if (!result.ok()) continue;
        result.resources.registers = 100;
        result.resources.spill_bytes = all_spill || spilling.contains(format(config)) ? 8 : 0;
      }
      return results;
    };
    backend.prepare = [this](const Target&, std::span<const KernelConfig> configs) {
      prepared.insert(prepared.end(), configs.begin(), configs.end());
    };
    backend.cubin = [this](const Target&, const KernelConfig& config) {
      const auto its = cubins.find(format(config));
      return its == cubins.end() ? "cubin of " + format(config) : its->second;
    };
    backend.provenance = [this] {
      Provenance from;
      from.nvrtc_version = nvrtc_version;
      from.gpu_uuid = uuid;
      from.when = "2026-11-22T12:00:00Z";
      return from;
    };
    backend.now = [this] { return clock; };
    return backend;
  }

  TuneBackend backend() {
    TuneBackend backend = compile_backend();
    backend.measure = [this](const Target& target, std::span<const KernelConfig> configs, Effort effort) {
      clock += batch_time;
      prepared_before.push_back(prepared.size());
      calls.emplace_back(effort, std::vector<KernelConfig>(configs.begin(), configs.end()));
      std::vector<Measurement> results;
      for (const KernelConfig& config : configs) {
        Measurement& result = results.emplace_back();
        result.failure = failure_of(config);
        if (effort == Effort::sustain && failing_sustained.contains(format(config))) result.failure = "it is too hot";
        if (!result.ok()) {
          if (failing_compile) result.resources.registers = 128;
          continue;
        }
        const auto& its = effort == Effort::sustain ? sustained_factors : factors;
        const auto factor = its.find(format(config));
        result.median_us = cost(config, target, effort) * (factor == its.end() ? 1 : factor->second);
        if (effort == Effort::sustain) result.power_w = 700;
        result.samples_us = {result.median_us};
        result.low_us = result.high_us = result.median_us;
        const auto its_registers = registers.find(format(config));
        result.resources.registers = its_registers == registers.end() ? 128 : its_registers->second;
      }
      return results;
    };
    return backend;
  }

  // Configs that were measured for a short look, in order.
  std::vector<KernelConfig> screened() const {
    std::vector<KernelConfig> configs;
    for (const auto& [effort, batch] : calls)
      if (effort == Effort::screen) configs.insert(configs.end(), batch.begin(), batch.end());
    return configs;
  }
};

}  // namespace ditune::test
