#include "tuner/correction.hpp"

#include <algorithm>

namespace ditune {
namespace {

constexpr double kRidge = 1;  // observations' worth of belief that a factor is 1
constexpr int kPasses = 12;  // of backfitting: each factor in turn takes what the others leave; converges geometrically

// One set of factors: every candidate has one of them.
struct Term {
  std::vector<int> index;      // of each candidate
  std::vector<double> effect;  // ln of each factor
};

std::vector<Term> make_terms(const Grid& grid) {
  std::vector<Term> terms(grid.dimensions.size() + 1);
  terms.back().index = grid.shapes;
  for (const std::vector<int>& point : grid.points)
    for (std::size_t d = 0; d < point.size(); ++d) terms[d].index.push_back(point[d]);
  for (Term& term : terms) {
    const auto largest = std::max_element(term.index.begin(), term.index.end());
    term.effect.assign(term.index.empty() ? 0 : static_cast<std::size_t>(*largest) + 1, 0.0);
  }
  return terms;
}

// Moves the part of the residuals that the term explains from them into the term.
void refit(Term& term, std::span<const Observation> observations, std::vector<double>& residuals) {
  std::vector<double> sum(term.effect.size(), 0.0), count(term.effect.size(), kRidge);
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const int f = term.index[observations[i].candidate];
    sum[f] += residuals[i] + term.effect[f];
    count[f] += 1;
  }
  const std::vector<double> before = term.effect;
  for (std::size_t f = 0; f < sum.size(); ++f) term.effect[f] = sum[f] / count[f];
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const int f = term.index[observations[i].candidate];
    residuals[i] += before[f] - term.effect[f];
  }
}

}  // namespace

std::vector<double> fit_correction(const Grid& grid, std::span<const Observation> observations) {
  std::vector<double> result(grid.points.size(), 0.0);
  if (observations.empty()) return result;
  double mean = 0;
  for (const Observation& seen : observations) mean += seen.log_ratio / static_cast<double>(observations.size());
  std::vector<double> residuals;
  for (const Observation& seen : observations) residuals.push_back(seen.log_ratio - mean);

  std::vector<Term> terms = make_terms(grid);
  for (int pass = 0; pass < kPasses; ++pass)
    for (Term& term : terms) refit(term, observations, residuals);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = mean;
    for (const Term& term : terms) result[i] += term.effect[term.index[i]];
  }
  return result;
}

}  // namespace ditune
