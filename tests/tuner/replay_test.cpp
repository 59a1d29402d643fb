// SPDX-License-Identifier: Apache-2.0
// The search held against recorded tables, in place of a GPU: bench/data has them, docs/search.md what they say.
#include "bench/replay.hpp"

#include <map>
#include <string>

#include "catch.hpp"

using namespace ditune;

namespace {

const std::vector<RecordedProblem>& exhaustive() {
  static const std::vector<RecordedProblem> problems = read_recorded(DITUNE_RECORDED "/h100_exhaustive.csv");
  return problems;
}

// One target, five configs: 12, 11, 10, refused, 9 microseconds; the model thinks they are best first.
RecordedProblem made_up() {
  RecordedProblem problem{.target = {Gemm{128, 128, 128}, find_device("H100")},
                          .configs = {},
                          .us = {12, 11, 10, std::numeric_limits<double>::infinity(), 9},
                          .refused = {0, 0, 0, 1, 0},
                          .predicted = {1, 2, 3, 4, 5}};
  for (const char* stages : {"2", "3", "4", "5", "6"})
    problem.configs.push_back(parse_config("wgmma_s8:tile=64x64,stages=" + std::string(stages)));
  return problem;
}

}  // namespace

TEST_CASE("a recorded line is read as it was written") {
  CHECK(csv_fields(R"(1,"a,b","say ""no""",)") == std::vector<std::string>{"1", "a,b", R"(say "no")", ""});
}

TEST_CASE("the recorded tables are of today's candidates") {
  REQUIRE(exhaustive().size() == 6);
  // Where the recording was stopped: what the model ranked last is not there.
  const std::map<std::string, double> stopped{{"256x4608x4608", 0.92}, {"4608x3072x3072", 0.74}};
  for (const RecordedProblem& problem : exhaustive()) {
    INFO(describe_sizes(problem.target.operation));
    std::size_t known = 0;
    const std::vector<KernelConfig> candidates = enumerate(problem.target);
    for (const KernelConfig& config : candidates)
      known += std::ranges::find(problem.configs, config) != problem.configs.end();
    const auto part = stopped.find(describe_sizes(problem.target.operation));
    CHECK(static_cast<double>(known) >=
          (part == stopped.end() ? 1 : part->second) * static_cast<double>(candidates.size()));
  }
}

TEST_CASE("a replay counts what is measured, and proposes a batch ahead") {
  const RecordedProblem problem = made_up();
  const auto search = [&] { return make_strategy("exhaustive", problem, 0); };
  const std::vector<double> all = replay(*search(), problem, 5, 2);
  REQUIRE(all.size() == 4);  // what spills is not measured
  CHECK(all[0] == Approx(12.0 / 9 - 1));
  CHECK(all[2] == Approx(10.0 / 9 - 1));
  CHECK(all[3] == 0);
  CHECK(replay(*search(), problem, 2, 2).size() == 2);

  class Watch : public Strategy {
   public:
    explicit Watch(const RecordedProblem& problem) : problem_(problem) {}
    std::size_t size() const override { return problem_.configs.size(); }
    std::vector<KernelConfig> propose(std::size_t limit) override {
      log += 'p';
      std::vector<KernelConfig> batch;
      while (batch.size() < limit && next_ < size()) batch.push_back(problem_.configs[next_++]);
      return batch;
    }
    void observe(std::span<const Scored>) override { log += 'o'; }
    std::string log;

   private:
    const RecordedProblem& problem_;
    std::size_t next_ = 0;
  } watch(problem);
  replay(watch, problem, 5, 2);
  CHECK(watch.log.starts_with("ppopo"));
}

TEST_CASE("the model is judged by what could be measured") {
  const ModelVerdict v = judge_model(made_up());
  CHECK(v.measured == 4);
  CHECK(v.correlation == Approx(-1));
  CHECK(v.top1 == Approx(12.0 / 9 - 1));
  CHECK(v.top4 == 0);
}

TEST_CASE("the config that the model ranks first is within 15 percent of the best, on the median problem") {
  std::vector<double> regrets;
  for (const RecordedProblem& problem : exhaustive()) regrets.push_back(judge_model(problem).top1);
  std::ranges::sort(regrets);
  CHECK(regrets[regrets.size() / 2] < 0.15);
}

TEST_CASE("guided comes within 2 percent of the best in 16 measurements, 5 on the worst problem", "[many]") {
  for (const std::size_t batch_size : {4, 8})
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      double sum = 0;
      for (const RecordedProblem& problem : exhaustive()) {
        const double regret = replay(*make_strategy("guided", problem, seed), problem, 16, batch_size).back();
        INFO(describe_sizes(problem.target.operation) << ", seed " << seed << ", batches of " << batch_size);
        CHECK(regret < 0.05);
        sum += regret;
      }
      CHECK(sum / static_cast<double>(exhaustive().size()) < 0.02);
    }
}

TEST_CASE("every strategy that asks the model beats chance", "[many]") {
  const auto mean_regret = [](const char* name) {
    double sum = 0;
    for (const RecordedProblem& problem : exhaustive())
      for (std::uint64_t seed = 0; seed < 4; ++seed)
        sum += replay(*make_strategy(name, problem, seed), problem, 16, 8).back();
    return sum / (4 * static_cast<double>(exhaustive().size()));
  };
  const double chance = mean_regret("random");
  for (const char* name : {"guided", "halving", "local"}) CHECK(mean_regret(name) < chance / 3);
}
