// SPDX-License-Identifier: Apache-2.0
// Rows of a made-up tuning run of an RTX 3090.
#pragma once

#include <string>

#include "generator/emit.hpp"
#include "report/rows.hpp"

namespace ditune::report::test {

inline const std::string kWinner = "mma_s8:tile=128x128x64,warps=2x4,stages=3";
inline const std::string kOther = "mma_s8:tile=128x256x64,warps=2x4,stages=3";

inline DeviceClass sample_device() { return device_class(find_device("RTX 3090")); }

inline TuningRecord record_of(const Operation& operation, double us, Source source = Source::measured,
                              const std::string& config = kWinner) {
  TuningRecord record;
  record.config = parse_config(config);
  record.key = {.device = sample_device(), .operation = operation, .template_hash = template_hash(record.config)};
  record.source = source;
  record.predicted_us = us;
  record.provenance = {.gpu_uuid = "GPU-1",
                       .driver_version = "580.95",
                       .cuda_version = "13.0",
                       .nvrtc_version = "13.0",
                       .ditune_version = "0.1.0",
                       .sm_clock_mhz = 1695,
                       .temperature_c = 61,
                       .when = "2026-01-02T03:04:05Z",
                       .seed = 7};
  if (source == Source::predicted) return record;
  record.median_us = us;
  record.low_us = 0.99 * us;
  record.high_us = 1.01 * us;
  return record;
}

inline Trial trial_of(const Operation& operation, const std::string& config, double us) {
  Trial trial;
  trial.config = parse_config(config);
  trial.key = {.device = sample_device(), .operation = operation, .template_hash = template_hash(trial.config)};
  trial.measurement.samples_us = {us};
  trial.measurement.median_us = trial.measurement.low_us = trial.measurement.high_us = us;
  trial.predicted_us = us;
  return trial;
}

inline Trial failed_trial(const Operation& operation, const std::string& config, const std::string& reason) {
  Trial trial = trial_of(operation, config, 0);
  trial.measurement = {};
  trial.measurement.failure = reason;
  return trial;
}

inline Gemm sample_gemm(std::int64_t m = 1024) { return {.m = m, .n = 3072, .k = 3072}; }

// A linear that is called three times: one winner, three trials.
inline Rows sample_rows(Source source = Source::measured) {
  Rows rows{.file = "tuning.db",
            .model = "a model",
            .device = sample_device(),
            .regime = Regime::burst,
            .layers = {},
            .records = {},
            .trials = {}};
  rows.layers = {{"qkv", sample_gemm(), 3}};
  rows.records = {record_of(sample_gemm(), 100, source)};
  if (source == Source::measured)
    rows.trials = {trial_of(sample_gemm(), kOther, 120), trial_of(sample_gemm(), kWinner, 100),
                   failed_trial(sample_gemm(), "mma_s8:tile=64x64x64,warps=2x2,stages=3", "wrong at row 3")};
  rows.commands = {{"This page", "ditune report -o report.html"}};
  rows.ditune_version = "0.1.0";
  rows.when = "2026-01-02T03:04:05Z";
  return rows;
}

inline PeerRow peer_of(const std::string& name, double ratio, std::optional<Range> interval = {}) {
  return {.name = name, .reason = {}, .us = 100 * ratio, .ratio = ratio, .ratio_interval = interval};
}

inline Benchmark benchmark_of(std::vector<PeerRow> peers) {
  return {.file = "bench.json",
          .rows = {{.operation = sample_gemm(), .device = sample_device().name, .us = 100, .peers = std::move(peers)}}};
}

inline StepRoute step_route(const std::string& name, double ms, double baseline_ms,
                            const std::string& operations = "") {
  StepRoute route{.name = name, .ms = ms, .quartiles = {0.99 * ms, 1.01 * ms}, .ratio = ms / baseline_ms};
  route.is_beside_baseline = true;
  route.operations = operations;
  route.host_ms = 4;
  route.first_call_s = 1.5;
  route.peak_bytes = 3e10;
  route.watts = 500;
  route.joules = ms / 2;
  route.error = 0.01;
  route.psnr_db = 40;
  return route;
}

// Made-up steps: a baseline, others, and ditune's; one route did not run.
inline StepBenchmark sample_steps() {
  StepBenchmark steps{.file = "step.json", .model = "a model at 1024x1024", .gpu = sample_device().name};
  steps.baseline = "bf16-compiled";
  steps.has_random_weights = true;
  steps.routes = {step_route("bf16", 600, 500),
                  step_route("bf16-compiled", 500, 500),
                  step_route("torchao-fp8-compiled", 400, 500),
                  {.name = "comfy-kitchen", .reason = "comfy-kitchen is not installed (pip install comfy-kitchen)"},
                  step_route("quantize", 350, 500, "34 exact"),
                  step_route("fuse", 250, 500, "30 exact, 4 nearest m")};
  steps.routes[0].error = 0;
  steps.routes[0].psnr_db.reset();
  steps.routes[0].is_same_latent = true;
  steps.facts = {{"GPU", sample_device().name}, {"Weights", "random"}};
  steps.command = "python -m ditune.bench model";
  return steps;
}

}  // namespace ditune::report::test
