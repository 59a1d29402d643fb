// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "generator/cost_model.hpp"

using namespace ditune;

namespace {

struct Row {
  std::string config;
  double us, predicted;
};

// Medians of trials of tuning runs, by operation: lines "OPERATION","CONFIG",US.
std::map<std::string, std::vector<Row>> h200_table() {
  std::map<std::string, std::vector<Row>> table;
  std::ifstream file(DITUNE_SOURCE_DIR "/tests/generator/data/h200_quantize_s8.csv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::size_t middle = line.find("\",\""), end = line.rfind("\",");
    const std::string operation = line.substr(1, middle - 1), config = line.substr(middle + 3, end - middle - 3);
    const Target target{parse_operation(operation), find_device("H200")};
    table[operation].push_back(
        {config, std::stod(line.substr(end + 2)), predict(parse_config(config), target).total_us});
  }
  return table;
}

}  // namespace

TEST_CASE("the model explains what variants of quantize_s8 took on an H200") {
  const auto table = h200_table();
  REQUIRE(table.size() == 16);
  double losses = 0;  // of the variants that the model puts first, each a part of the best time
  for (const auto& [operation, measured] : table) {
    std::vector<Row> rows = measured;
    INFO(operation);
    REQUIRE(rows.size() >= 20);
    const double best = std::ranges::min(rows, {}, &Row::us).us;
    double squares = 0;
    for (const Row& row : rows) squares += std::pow(std::log(row.predicted / row.us), 2);
    CHECK(std::sqrt(squares / static_cast<double>(rows.size())) < 0.4);
    std::ranges::stable_sort(rows, {}, &Row::predicted);
    losses += rows[0].us / best - 1;
    CHECK(rows[0].us < 1.2 * best);
    CHECK(std::ranges::min(std::span(rows).first(8), {}, &Row::us).us < 1.05 * best);
  }
  CHECK(losses / static_cast<double>(table.size()) < 0.06);
}
