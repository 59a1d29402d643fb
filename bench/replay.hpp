// SPDX-License-Identifier: Apache-2.0
// Recorded tables stand in for a GPU: what the cost model and the strategies make of candidates that were all measured.
// bench/search_replay prints it, tests/tuner holds it.
#pragma once

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/ranks.hpp"
#include "generator/cost_model.hpp"
#include "tuner/search/search.hpp"

namespace ditune {

struct RecordedProblem {
  Target target;
  std::vector<KernelConfig> configs;
  std::vector<double> us;         // of each config: infinite if it failed
  std::vector<char> refused;      // of each config: whether the tuner would not have measured it, since it spills
  std::vector<double> predicted;  // of each config: the model's, microseconds
};

// "a,"b,c",d" -> a / b,c / d. A quote within quotes is written twice.
inline std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[++i];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += line[i];
  }
  return fields;
}

// What bench/record_table.py wrote: the lines of a problem follow one another.
inline std::vector<RecordedProblem> read_recorded(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line != "m,n,k,epilogue,device,config,us,failure")
    throw std::runtime_error(path + " is no recorded table");
  std::vector<RecordedProblem> problems;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = csv_fields(line);
    if (fields.size() != 8) throw std::runtime_error(path + ": not a line of the table: " + line);
    const Gemm gemm{std::stoi(fields[0]), std::stoi(fields[1]), std::stoi(fields[2]), parse_epilogue(fields[3])};
    const Target target{gemm, find_device(fields[4])};
    if (problems.empty() || problems.back().target.operation != target.operation ||
        problems.back().target.device != target.device)
      problems.push_back({.target = target, .configs = {}, .us = {}, .refused = {}, .predicted = {}});
    RecordedProblem& problem = problems.back();
    problem.configs.push_back(parse_config(fields[5]));
    problem.us.push_back(fields[6].empty() ? std::numeric_limits<double>::infinity() : std::stod(fields[6]));
    problem.refused.push_back(fields[7].starts_with("spills"));
    problem.predicted.push_back(predict(problem.configs.back(), target).total_us);
  }
  if (problems.empty()) throw std::runtime_error(path + " has no times");
  return problems;
}

inline double fastest_us(const RecordedProblem& problem) { return std::ranges::min(problem.us); }

// What the best of those tried takes longer than the fastest of all.
inline double regret(const RecordedProblem& problem, double us) { return us / fastest_us(problem) - 1; }

struct ModelVerdict {
  std::size_t measured = 0;
  double correlation = 0;                // of ranks
  double error = 0;                      // root mean square of ln(predicted / measured)
  double top1 = 0, top4 = 0, top16 = 0;  // regret of the best of so many that the model ranks first
};

// Of what could be measured: what spills is refused before it is.
inline ModelVerdict judge_model(const RecordedProblem& problem) {
  std::vector<double> predicted, measured;
  for (std::size_t i = 0; i < problem.us.size(); ++i) {
    if (!std::isfinite(problem.us[i])) continue;
    predicted.push_back(problem.predicted[i]);
    measured.push_back(problem.us[i]);
  }
  ModelVerdict v{.measured = measured.size(), .correlation = rank_correlation(predicted, measured)};
  for (std::size_t i = 0; i < measured.size(); ++i)
    v.error += std::pow(std::log(predicted[i] / measured[i]), 2) / static_cast<double>(measured.size());
  v.error = std::sqrt(v.error);

  std::vector<std::size_t> order(measured.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return predicted[i]; });
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < order.size() && i < 16; ++i) {
    best = std::min(best, measured[order[i]]);
    if (i < 1) v.top1 = regret(problem, best);
    if (i < 4) v.top4 = regret(problem, best);
    v.top16 = regret(problem, best);
  }
  return v;
}

inline std::unique_ptr<Strategy> make_strategy(std::string_view name, const RecordedProblem& problem,
                                               std::uint64_t seed) {
  return make_strategy(name, problem.configs, problem.predicted, {}, seed);
}

// The regret after each measured candidate, as tuner/tune.cpp searches: a batch is proposed while the one before it is
// measured, and what is refused before it is measured counts for nothing.
inline std::vector<double> replay(Strategy& strategy, const RecordedProblem& problem, std::size_t trials,
                                  std::size_t batch_size) {
  std::unordered_map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < problem.configs.size(); ++i) at.emplace(format(problem.configs[i]), i);
  std::size_t proposed = 0, refused = 0;
  const auto propose = [&] {
    std::vector<KernelConfig> batch = strategy.propose(std::min(batch_size, trials + refused - proposed));
    proposed += batch.size();
    return batch;
  };

  std::vector<double> regrets;
  double best = std::numeric_limits<double>::infinity();
  std::vector<KernelConfig> batch = propose();
  while (!batch.empty()) {
    const std::vector<KernelConfig> next = propose();
    std::vector<Scored> results;
    for (const KernelConfig& config : batch) {
      const std::size_t i = at.at(format(config));
      results.push_back({config, problem.us[i]});
      best = std::min(best, problem.us[i]);
      if (problem.refused[i])
        ++refused;
      else
        regrets.push_back(regret(problem, best));
    }
    strategy.observe(results);
    batch = next.empty() ? propose() : next;
  }
  return regrets;
}

}  // namespace ditune
