// SPDX-License-Identifier: Apache-2.0
// bench/search_replay TABLE...: what the cost model and the strategies make of recorded tables, see docs/search.md.
#include <array>
#include <cstdio>
#include <exception>

#include "bench/replay.hpp"

namespace {

using namespace ditune;

constexpr std::array<std::size_t, 5> kTrials = {4, 8, 16, 32, 64};
constexpr std::uint64_t kSeeds = 8;

class Sample {
 public:
  void add(double value) { values_.push_back(value); }
  void add(const Sample& other) { values_.insert(values_.end(), other.values_.begin(), other.values_.end()); }
  double mean() const {
    double sum = 0;
    for (const double value : values_) sum += value;
    return sum / static_cast<double>(values_.size());
  }
  double median() const {
    std::vector<double> sorted = values_;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
  double worst() const { return std::ranges::max(values_); }

 private:
  std::vector<double> values_;
};

void print_model(const std::vector<RecordedProblem>& problems) {
  std::printf("%-18s %10s %9s %9s %12s %7s %7s %7s %7s\n", "problem", "candidates", "recorded", "best, us",
              "correlation", "error", "top-1", "top-4", "top-16");
  Sample correlation, top1, top4, top16;
  for (const RecordedProblem& problem : problems) {
    const ModelVerdict v = judge_model(problem);
    correlation.add(v.correlation);
    top1.add(v.top1);
    top4.add(v.top4);
    top16.add(v.top16);
    std::printf("%-18s %10zu %9zu %9.2f %12.3f %6.1f%% %6.1f%% %6.1f%% %6.1f%%\n",
                describe_sizes(problem.target.operation).c_str(), enumerate(problem.target).size(),
                problem.configs.size(), fastest_us(problem), v.correlation, 100 * v.error, 100 * v.top1, 100 * v.top4,
                100 * v.top16);
  }
  const auto print = [&](const char* name, double of_correlation, auto&& of) {
    std::printf("%-48s %12.3f %7s %6.1f%% %6.1f%% %6.1f%%\n", name, of_correlation, "", 100 * of(top1), 100 * of(top4),
                100 * of(top16));
  };
  print("mean", correlation.mean(), [](const Sample& s) { return s.mean(); });
  print("median", correlation.median(), [](const Sample& s) { return s.median(); });
  std::printf("%-48s %12s %7s %6.1f%% %6.1f%% %6.1f%%\n", "worst", "", "", 100 * top1.worst(), 100 * top4.worst(),
              100 * top16.worst());
}

using Regrets = std::array<Sample, kTrials.size()>;

// Of one problem, a value for each seed.
Regrets regrets(const RecordedProblem& problem, const char* strategy, std::size_t batch_size) {
  Regrets result;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::vector<double> after =
        replay(*make_strategy(strategy, problem, seed), problem, kTrials.back(), batch_size);
    for (std::size_t t = 0; t < kTrials.size(); ++t) result[t].add(after[std::min(kTrials[t], after.size()) - 1]);
  }
  return result;
}

void print_regrets(const char* problem, const char* strategy, const Regrets& regrets) {
  std::printf("%-18s %-10s", problem, strategy);
  for (const Sample& regret : regrets) std::printf("  %6.1f%% %6.1f%%", 100 * regret.mean(), 100 * regret.worst());
  std::printf("\n");
}

void print_strategies(const std::vector<RecordedProblem>& problems, std::size_t batch_size) {
  std::printf("Batches of %zu; the mean and the worst regret of %d seeds after so many measured candidates:\n",
              batch_size, static_cast<int>(kSeeds));
  std::printf("%-18s %-10s", "problem", "strategy");
  for (const std::size_t trials : kTrials) std::printf("  %15zu", trials);
  std::printf("\n");
  constexpr std::array kStrategies = {"guided", "halving", "local", "exhaustive", "random"};
  std::array<Regrets, kStrategies.size()> all;
  for (const RecordedProblem& problem : problems)
    for (std::size_t s = 0; s < kStrategies.size(); ++s) {
      const Regrets of_problem = regrets(problem, kStrategies[s], batch_size);
      for (std::size_t t = 0; t < kTrials.size(); ++t) all[s][t].add(of_problem[t]);
      print_regrets(describe_sizes(problem.target.operation).c_str(), kStrategies[s], of_problem);
    }
  for (std::size_t s = 0; s < kStrategies.size(); ++s) print_regrets("all", kStrategies[s], all[s]);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: search_replay TABLE...\n");
    return 2;
  }
  for (int i = 1; i < argc; ++i) {
    const std::vector<RecordedProblem> problems = read_recorded(argv[i]);
    std::printf("%s%s\n\n", i > 1 ? "\n" : "", argv[i]);
    print_model(problems);
    for (const std::size_t batch_size : {8, 4}) {
      std::printf("\n");
      print_strategies(problems, batch_size);
    }
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
