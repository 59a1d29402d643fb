// SPDX-License-Identifier: Apache-2.0
// What bench found, as tables and JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "ditune/library.hpp"
#include "generator/search_space.hpp"
#include "runtime/timing.hpp"

namespace ditune::cli {

// Of one kernel; power and clock are zero where nobody tells.
struct Figures {
  double us = 0;
  double sm_clock_mhz = 0, power_w = 0;
};

// A peer, or the reason why it was not timed.
struct PeerFigures {
  std::string name, reason;
  int algorithm = 0;  // the fastest, as cuBLASLt's heuristic numbers them
  struct Kernel {
    std::string config;
    double us = 0;
  };
  std::vector<Kernel> kernels = {};  // all that were timed, if they are ditune's
  Figures figures = {};
  double ratio = 0;  // how many times as long as ditune it takes: the median over rounds,
  std::optional<Interval> ratio_interval = {};
};

// A round of bursts or a sustained block.
struct BenchRound {
  double us = 0;
  std::optional<GpuState> state = {};
};

struct BenchResult {
  Target target;
  LookupResult found;
  Regime regime = Regime::burst;
  std::string failure = {};  // why what was found is wrong, or nothing could be timed
  Figures figures = {};
  std::vector<PeerFigures> peers = {};
  std::vector<BenchRound> rounds = {};  // that count
  int discarded = 0;                    // and those that do not, for their clock
};

Json json(const BenchResult& result);

// A row a problem.
Table burst_table(const std::vector<BenchResult>& results);

// A row a kernel, with watts and picojoules an operation.
Table sustained_table(const std::vector<BenchResult>& results);

// How ditune compares with each peer over all problems that the peer ran, and why it did not run the others: lines.
std::vector<std::string> comparison(const std::vector<BenchResult>& results);

}  // namespace ditune::cli
