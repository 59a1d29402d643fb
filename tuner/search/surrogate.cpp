// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/surrogate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ditune {
namespace {

// Variances of ln(measured / predicted), a standard deviation squared each: of what all candidates share, those of a
// family, those with a value in common, those of a shape; and of what a measurement adds.
constexpr double kCommon = 0.15 * 0.15;
constexpr double kFamily = 0.15 * 0.15;
constexpr double kValue = 0.02 * 0.02;
constexpr double kShape = 0.06 * 0.06;
constexpr double kNoise = 0.01 * 0.01;
constexpr double kAlike = 0.8;  // what is left of kShape for each other value that differs

}  // namespace

Surrogate::Surrogate(const Grid& grid) : grid_(&grid), mean_(grid.points.size(), 0.0) {
  for (std::size_t i = 0; i < mean_.size(); ++i) variance_.push_back(covariance(i, i));
}

double Surrogate::covariance(std::size_t a, std::size_t b) const {
  double sum = kCommon, within = kShape;
  for (std::size_t d = 0; d < grid_->dimensions.size(); ++d) {
    if (grid_->points[a][d] == grid_->points[b][d])
      sum += d == 0 ? kFamily : kValue;
    else
      within *= kAlike;
  }
  return grid_->shapes[a] == grid_->shapes[b] ? sum + within : sum;
}

void Surrogate::condition(std::size_t candidate, double surprise) {
  const double scale = std::sqrt(variance_[candidate] + kNoise);
  std::vector<double> column(mean_.size());
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = covariance(i, candidate);
  for (const std::vector<double>& before : columns_)
    for (std::size_t i = 0; i < column.size(); ++i) column[i] -= before[i] * before[candidate];
  for (std::size_t i = 0; i < column.size(); ++i) {
    column[i] /= scale;
    mean_[i] += column[i] * surprise / scale;
    variance_[i] -= column[i] * column[i];
  }
  columns_.push_back(std::move(column));
}

void Surrogate::learn(std::size_t candidate, double log_ratio) { condition(candidate, log_ratio - mean_[candidate]); }

void Surrogate::await(std::size_t candidate) { condition(candidate, 0); }

double Surrogate::deviation(std::size_t candidate) const { return std::sqrt(std::max(variance_[candidate], 0.0)); }

}  // namespace ditune
