// SPDX-License-Identifier: Apache-2.0
// The activation functions beside what they approximate, and how far apart the two are.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "activation.cuh"
#include "emulation/numbers.hpp"

namespace ditune::test {

struct Activation {
  const char* name;
  float (*function)(float);
  double (*exact)(double);  // of a finite x, without cancellation
  double at_infinity;
  double bound;  // measured over all floats, in units of tolerance(), rounded up
};

inline double exact_sigmoid(double x) { return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
inline double exact_silu(double x) { return x * exact_sigmoid(x); }
inline double exact_gelu_tanh(double x) {
  return x * exact_sigmoid(2 * std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x));
}
inline double exact_gelu_erf(double x) { return x * 0.5 * std::erfc(-x / std::numbers::sqrt2); }

inline constexpr std::array<Activation, 4> kActivations{{
    {"sigmoid", sigmoid, exact_sigmoid, 1, 0.72},
    {"silu", silu, exact_silu, std::numeric_limits<double>::infinity(), 0.82},
    {"gelu_tanh", gelu_tanh, exact_gelu_tanh, std::numeric_limits<double>::infinity(), 0.98},
    {"gelu_erf", gelu_erf, exact_gelu_erf, std::numeric_limits<double>::infinity(), 0.93},
}};

// What the numerics contract allows.
inline double tolerance(double exact) { return std::fmax(0x1p-21 * std::fabs(exact), 0x1p-30); }

// The error at x in units of the tolerance: infinity for a NaN, or an infinity, that must not be.
inline double error_of(const Activation& activation, float x) {
  const double result = activation.function(x);
  if (std::isnan(x)) return std::isnan(result) ? 0 : std::numeric_limits<double>::infinity();
  double exact = 0;
  if (std::isfinite(x)) {
    exact = activation.exact(x);
  } else if (x > 0) {
    exact = activation.at_infinity;
  }
  if (result == exact) return 0;
  const double error = std::fabs(result - exact) / tolerance(exact);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

struct WorstError {
  double error = 0;
  float x = 0;

  void include(const WorstError& other) {
    if (other.error > error) *this = other;
  }
};

// Over the floats whose bits are first, first + stride, ... below `end`.
inline WorstError worst_error(const Activation& activation, std::uint64_t first, std::uint64_t end,
                              std::uint64_t stride) {
  WorstError worst;
  for (std::uint64_t bits = first; bits < end; bits += stride) {
    const float x = emulation::float_of(static_cast<unsigned>(bits));
    worst.include({error_of(activation, x), x});
  }
  return worst;
}

}  // namespace ditune::test
