// SPDX-License-Identifier: Apache-2.0
// What lookup serves of a layer over M, and where a larger M would be faster.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ditune/library.hpp"
#include "report/plot.hpp"
#include "report/rows.hpp"

namespace ditune::report {

struct RowPoint {
  std::int64_t m = 0;
  double us = 0;
  std::optional<Range> interval = {};
  std::string config;
};

// From m to m_faster it pays to pad: t(m) > 1.1 * t(m_faster).
struct Cliff {
  std::int64_t m = 0, m_faster = 0;
  double ratio = 0;
};

struct RowCurve {
  Operation layer;                 // of any rows
  std::vector<RowPoint> expected;  // the cost model's, corrected by what was measured at the winner's own M
  std::vector<RowPoint> tuned;     // winners; measured or not
  std::vector<RowPoint> benched;   // of benchmarks
  std::vector<Cliff> cliffs;       // of what was benched, if that is a sweep, else of what is expected
  bool measured = false;           // every winner is
  bool cliffs_measured = false;
};

// bench/sweep_m.py judges by the same bound.
inline constexpr double kCliff = 1.1;
inline constexpr std::int64_t kPadding = 128;
std::vector<Cliff> cliffs_of(std::span<const RowPoint> points);  // in the order of m

// Of the layers that were tuned at the most M, `most` of them.
std::vector<RowCurve> row_curves(const Rows& rows, const Library& library, std::size_t most);

Plot row_plot(const RowCurve& curve);

}  // namespace ditune::report
