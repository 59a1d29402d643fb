// SPDX-License-Identifier: Apache-2.0
// What a report is made of. Who calls has read it: nothing here knows of files, SQL or a GPU.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"
#include "report/scale.hpp"

namespace ditune::report {

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
  std::optional<OtherDatabase> against = {};
  std::vector<RefusedRow> refused = {};
  std::vector<Command> commands = {};
  std::string ditune_version = {}, when = {};  // of the page
};

}  // namespace ditune::report
