// SPDX-License-Identifier: Apache-2.0
// A card whose kernels' true times are known, and how measured ones scatter about them.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "runtime/timing.hpp"

namespace ditune {

// The distributions of the standard library differ between libraries: these do not.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : bits_(seed) {}
  double uniform() { return (static_cast<double>(bits_() >> 11) + 0.5) * 0x1p-53; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  // Student's t with two degrees of freedom: its variance is infinite.
  double heavy() {
    const double u = 2 * uniform() - 1;
    return u * std::sqrt(2 / (1 - u * u));
  }

 private:
  std::mt19937_64 bits_;
};

enum class Scatter { normal, heavy, drift };

// Times of kernels in rounds.
class Card {
 public:
  Card(std::vector<double> true_us, Scatter scatter, double sigma, std::uint64_t seed)
      : true_us_(std::move(true_us)), scatter_(scatter), sigma_(sigma), noise_(seed) {}

  Samples race(int rounds, const Stay& stay) {
    std::size_t calls = 0;
    double common = 1;
    return interleave(true_us_.size(), rounds, stay, [&](std::size_t entry) {
      // A random walk for all, within rounds, too, and a clock that falls by a tenth.
      if (scatter_ == Scatter::drift) common *= std::exp(0.002 * noise_.normal()) * (++calls == 40 ? 1.1 : 1);
      const double scatter = scatter_ == Scatter::heavy ? noise_.heavy() : noise_.normal();
      return true_us_[entry] * common * std::exp(sigma_ * scatter);
    });
  }

 private:
  std::vector<double> true_us_;
  Scatter scatter_;
  double sigma_;
  Noise noise_;
};

}  // namespace ditune
