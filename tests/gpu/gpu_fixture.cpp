#include "gpu_fixture.hpp"

#include <set>
#include <utility>

#include "tuner/grid.hpp"

namespace ditune::test {

std::vector<KernelConfig> covering_configs(const std::vector<GemmProblem>& problems, const Epilogue& epilogue) {
  std::vector<KernelConfig> candidates;
  for (const GemmProblem& problem : problems) {
    const std::vector<KernelConfig> legal = enumerate(gpu().target(problem, epilogue));
    candidates.insert(candidates.end(), legal.begin(), legal.end());
  }
  const Grid grid = make_grid(candidates);
  std::set<std::pair<std::size_t, int>> covered;
  const auto gain = [&](std::size_t i) {
    std::size_t fresh = 0;
    for (std::size_t d = 0; d < grid.dimensions.size(); ++d) fresh += !covered.contains({d, grid.points[i][d]});
    return fresh;
  };
  std::vector<KernelConfig> chosen;
  while (true) {
    std::size_t best = 0, most = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (gain(i) > most) best = i, most = gain(i);
    if (most == 0) return chosen;
    chosen.push_back(candidates[best]);
    for (std::size_t d = 0; d < grid.dimensions.size(); ++d) covered.insert({d, grid.points[best][d]});
  }
}

std::vector<Epilogue> all_epilogues() {
  std::vector<Epilogue> epilogues = {{.out = Output::s32}};
  for (ScaleX sx : {ScaleX::token, ScaleX::tensor})
    for (ScaleW sw : {ScaleW::channel, ScaleW::tensor})
      for (Bias bias : {Bias::none, Bias::f32, Bias::bf16, Bias::f16})
        for (Output out : {Output::bf16, Output::f16, Output::f32})
          epilogues.push_back({.sx = sx, .sw = sw, .bias = bias, .out = out});
  return epilogues;
}

}  // namespace ditune::test
