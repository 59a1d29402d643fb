// SPDX-License-Identifier: Apache-2.0
// Pages of made-up rows, for a browser to look at: report_samples FOLDER
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "generator/cost_model.hpp"
#include "generator/search_space.hpp"
#include "lookup/serving.hpp"
#include "models/models.hpp"
#include "report/page.hpp"
#include "report/sample.hpp"

namespace ditune::report::test {
namespace {

// Times that are near what the model predicts, with its errors. The same in every run.
class MadeUp {
 public:
  double us(const KernelConfig& config, const Operation& operation) {
    const double predicted_us = predict(config, {operation, device_of(sample_device())}).total_us;
    return predicted_us * std::exp(0.06 * error_(random_));
  }

 private:
  std::mt19937 random_{1};
  std::normal_distribution<double> error_;
};

// A model's layers: each tuned with a few trials, the first ones by the model.
Rows tuned_model(const std::string& model, std::size_t trials) {
  Rows rows = sample_rows();
  rows.model = model + " at 1024x1024";
  rows.layers.clear();
  rows.records.clear();
  rows.trials.clear();
  MadeUp made_up;
  for (const std::string& linear : linear_names(model))
    for (const ModelLayer& layer : model_layers(model, {}, linear)) {
      rows.layers.push_back({layer.linear, layer.operation, layer.count});
      const Target target{layer.operation, device_of(rows.device)};
      std::vector<KernelConfig> configs = enumerate(target);
      std::ranges::stable_sort(configs, {}, [&](const KernelConfig& c) { return predict(c, target).total_us; });
      configs.resize(std::min(configs.size(), trials));
      TuningRecord best;
      for (const KernelConfig& config : configs) {
        const double us = made_up.us(config, layer.operation);
        rows.trials.push_back(trial_of(layer.operation, format(config), us));
        rows.trials.back().predicted_us = predict(config, target).total_us;
        if (best.median_us == 0 || us < best.median_us)
          best = record_of(layer.operation, us, Source::measured, format(config));
      }
      rows.records.push_back(best);
    }
  rows.trials.push_back(failed_trial(rows.layers[0].operation, kOther, "an illegal memory access was encountered"));
  return rows;
}

// Peers beside the GEMMs, one of them as fast as ditune; and a sweep over M of the first layer.
void add_benchmarks(Rows& rows) {
  Benchmark benchmark{.file = "bench.json", .rows = {}}, sweep{.file = "sweep/bench.json", .rows = {}};
  for (const TuningRecord& record : rows.records) {
    if (!std::holds_alternative<Gemm>(record.key.operation)) continue;
    benchmark.rows.push_back({.operation = record.key.operation,
                              .device = rows.device.name,
                              .us = record.median_us,
                              .peers = {peer_of("cublaslt bf16", 1.95, Range{1.93, 1.97}),
                                        peer_of("cublaslt int8", 1.001, Range{0.995, 1.006})}});
    for (PeerRow& peer : benchmark.rows.back().peers) peer.us = peer.ratio * record.median_us;
  }
  for (int m = 64; m <= 4096; m += 64)
    sweep.rows.push_back({.operation = with_rows(benchmark.rows[0].operation, m),
                          .device = rows.device.name,
                          .us = 12 + 0.16 * m + (m % 512 == 64 ? 60 : 0)});
  rows.benchmarks = {benchmark, sweep};
}

// Steps in one group; and in groups of different rounds, in which one ties.
void add_steps(Rows& rows) {
  StepBenchmark one = sample_steps(), several = sample_steps();
  one.model = rows.model;
  one.gpu = several.gpu = rows.device.name;
  one.facts = {{"GPU", one.gpu},
               {"Packages", "diffusers 0.36.0, torchao not installed, comfy-kitchen not installed"},
               {"Weights", "random"}};
  several.model = "another model at 1024x1024, 2 blocks of each kind at most";
  several.routes[2].quartiles.high = 505;
  several.routes[2].ms = 495;
  several.routes[2].ratio = 0.99;
  several.routes[4].group = several.routes[5].group = 1;
  several.routes.push_back(step_route("fuse-graph", 0.24, 500, "34 exact"));
  several.routes.back().group = 2;
  several.routes.back().is_beside_baseline = false;
  rows.steps = {one, several};
}

void add_others(Rows& rows) {
  rows.against = OtherDatabase{.file = "older.db", .records = rows.records, .refused = {}};
  double factor = 0.9;
  for (TuningRecord& record : rows.against->records) {
    for (double TuningRecord::*us : {&TuningRecord::median_us, &TuningRecord::low_us, &TuningRecord::high_us})
      record.*us *= factor;
    factor += 0.03;
  }
  const std::vector<TuningRecord> here = rows.records;
  for (TuningRecord record : here) {
    record.key.device = device_class(find_device("H100"));
    record.median_us /= 3;
    rows.records.push_back(record);
  }
  rows.refused = {{"winners", "7 of gemm_s8:n=1,k=1, 1 rows, on a GPU",
                   "its time is not positive (ditune tune measures it again)"}};
}

Rows predicted_model() {
  Rows rows = tuned_model("flux1-dev", 8);
  for (TuningRecord& record : rows.records) {
    record.source = Source::predicted;
    record.predicted_us = record.median_us;
  }
  for (Trial& trial : rows.trials) trial.source = Source::predicted;
  return rows;
}

Rows hostile() {
  const std::string name = "\"'></title></script><!--<script>alert(1)</script><img src=x onerror=alert(1)>\xff&amp; " +
                           std::string(300, 'W') + "日本語";
  Rows rows = sample_rows();
  rows.file = rows.model = rows.layers[0].name = name;
  rows.device.name = name;
  for (TuningRecord& record : rows.records)
    record.key.device.name = record.provenance.gpu_uuid = record.provenance.when = name;
  for (Trial& trial : rows.trials) trial.key.device.name = name;
  for (Trial& trial : rows.trials)
    if (!trial.measurement.ok()) trial.measurement.failure = name;
  rows.benchmarks = {benchmark_of({peer_of(name, 2, Range{1.9, 2.1})})};
  rows.benchmarks[0].rows[0].device = name;
  rows.steps = {sample_steps()};
  rows.steps[0].model = rows.steps[0].gpu = rows.steps[0].baseline = name;
  rows.steps[0].facts = {{name, name}};
  for (StepRoute& route : rows.steps[0].routes) {
    if (!route.reason.empty()) route.reason = name;
    route.name = name;
  }
  rows.refused = {{name, name, name}};
  rows.commands = {{name, name}};
  return rows;
}

Rows extreme() {
  Rows rows = sample_rows();
  rows.layers = {{"tiny", sample_gemm(1), 1}, {"huge", sample_gemm(1 << 20), 1}};
  rows.records = {record_of(sample_gemm(1), 0.5), record_of(sample_gemm(1 << 20), 50'000)};
  rows.trials = {trial_of(sample_gemm(1), kWinner, 0.5), trial_of(sample_gemm(1), kOther, 50'000)};
  return rows;
}

Rows large() {
  Rows rows = sample_rows();
  rows.model.clear();
  rows.layers.clear();
  rows.records.clear();
  for (int i = 0; i < 10'000; ++i) {
    const Operation operation = Gemm{.m = 16 * (1 + i % 100), .n = 64 * (1 + i / 100), .k = 4096};
    rows.layers.push_back({"", operation, 1});
    rows.records.push_back(record_of(operation, 0.5 + i));
  }
  return rows;
}

void write(const std::filesystem::path& path, const Rows& rows) { std::ofstream(path, std::ios::binary) << page(rows); }

}  // namespace
}  // namespace ditune::report::test

int main(int argc, char** argv) {
  using namespace ditune::report::test;
  if (argc != 2) {
    std::fputs("usage: report_samples FOLDER\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  ditune::report::Rows measured = tuned_model("ideogram4", 48);
  add_benchmarks(measured);
  add_steps(measured);
  add_others(measured);
  write(folder / "measured.html", measured);
  write(folder / "predicted.html", predicted_model());
  write(folder / "one.html", sample_rows());
  write(folder / "extreme.html", extreme());
  write(folder / "hostile.html", hostile());
  write(folder / "large.html", large());
  return 0;
}
