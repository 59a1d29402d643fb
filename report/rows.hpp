// SPDX-License-Identifier: Apache-2.0
// What a report is made of. Who calls has read it: nothing here knows of files, SQL or a GPU.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"
#include "report/dimensions.hpp"
#include "report/scale.hpp"

namespace ditune::report {

// An operation that several linears share is one.
using Operations = std::unordered_set<Operation, HashOperation>;

struct Layer {
  std::string name;  // of the linear, "qkv"; empty where it has none
  Operation operation;
  int calls = 1;  // a step
};

// A peer beside the kernel that lookup found, in the same rounds.
struct PeerRow {
  std::string name, reason;  // why it was not timed
  double us = 0;
  double ratio = 0;                          // how many times as long as ditune it takes,
  std::optional<Range> ratio_interval = {};  // with 95%
};

// What `ditune bench --json` says of a layer.
struct BenchRow {
  Operation operation;
  std::string device;
  Regime regime = Regime::burst;
  double us = 0;
  std::vector<PeerRow> peers = {};
};

struct Benchmark {
  std::string file;
  std::vector<BenchRow> rows;
  int without_time = 0;  // layers that failed there
};

// One way to run a model's step, as `python -m ditune.bench` measured it.
struct StepRoute {
  std::string name, reason = {};    // why it did not run
  double ms = 0;                    // the median of the rounds
  Range quartiles = {};             // of them
  double ratio = 0;                 // its median to the baseline's; 0: no baseline ran
  std::size_t group = 0;            // routes of one group took turns
  bool is_beside_baseline = false;  // whether the baseline did so, too
  std::string operations = {};      // ditune's that it ran, by how records match them: "34 exact"; empty: none
  std::optional<double> host_ms = {}, first_call_s = {}, tune_s = {}, peak_bytes = {}, sustained_ms = {}, watts = {},
                        joules = {}, error = {}, psnr_db = {};
  bool is_same_latent = false;  // as bf16's: its PSNR is infinite
};

struct StepBenchmark {
  std::string file;
  std::string model = {};     // "ideogram4 at 1024x1024"
  std::string gpu = {};       // empty: the CPU
  std::string baseline = {};  // a route; empty: none ran
  bool has_random_weights = false;
  std::vector<StepRoute> routes = {};
  std::vector<std::pair<std::string, std::string>> facts = {};  // of versions and options: a name and what it is
  std::string command = {};                                     // that measures it again
};

// A row of a database that was not used.
struct RefusedRow {
  std::string table, what, reason;
};

struct OtherDatabase {
  std::string file;
  std::vector<TuningRecord> records;  // all of it
  std::vector<RefusedRow> refused = {};
};

// A command that makes something again.
struct Command {
  std::string makes, line;
};

struct Rows {
  std::string file = {};   // the database
  std::string model = {};  // "ideogram4 at 1024x1024"; empty: no model is meant, and each layer is called once
  DeviceClass device = {};
  Regime regime = Regime::burst;
  std::vector<Layer> layers = {};
  std::vector<TuningRecord> records = {};  // all of the database, of all devices
  std::vector<Trial> trials = {};          // of all of them, too, in the order of trying
  std::vector<Benchmark> benchmarks = {};
  std::vector<StepBenchmark> steps = {};
  std::optional<OtherDatabase> against = {};
  std::vector<RefusedRow> refused = {};
  std::vector<Command> commands = {};
  std::optional<DimensionPair> heat_map = {};  // that maps of the search show first, where a search has both
  std::string ditune_version = {}, when = {};  // of the page
};

}  // namespace ditune::report
