// SPDX-License-Identifier: Apache-2.0
// The formulas of quantize_s8 in double: what its float32 steps are near.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "activation.hpp"
#include "quantize_case.hpp"

namespace ditune::test {

using Doubles = std::vector<double>;

// Entry (i, j) of the regular Hadamard matrix of so many columns, a Kronecker power, times the root of their number.
inline int hadamard(int columns, int i, int j) {
  constexpr int kFour[4][4] = {{1, 1, 1, -1}, {1, 1, -1, 1}, {1, -1, 1, 1}, {-1, 1, 1, 1}};
  if (columns == 1) return 1;
  return kFour[i % 4][j % 4] * hadamard(columns / 4, i / 4, j / 4);
}

inline void rotate(Doubles& v, int group) {
  const Doubles before = v;
  for (std::size_t k = 0; k < v.size(); ++k) {
    const int row = static_cast<int>(k) % group;
    const std::size_t first = k - static_cast<std::size_t>(row);
    v[k] = 0;
    for (int j = 0; j < group; ++j) v[k] += hadamard(group, row, j) * before[first + static_cast<std::size_t>(j)];
    v[k] /= std::sqrt(group);
  }
}

inline double squares(const Doubles& v) {
  double sum = 0;
  for (const double value : v) sum += value * value;
  return sum;
}

inline double mean(const Doubles& v) {
  double sum = 0;
  for (const double value : v) sum += value;
  return sum / static_cast<double>(v.size());
}

inline double norm_factor(const Doubles& v, double eps) {
  return 1 / std::sqrt(squares(v) / static_cast<double>(v.size()) + eps);
}

// A row of a case. Columns are those of the output.
struct ExactRow {
  const QuantizeCase& given;
  std::int64_t m;

  const Prologue& prologue() const { return given.prologue(); }
  std::int64_t columns() const { return given.args.k; }
  double get(const char* name, std::int64_t k) const { return given.get(name, m, k); }
  double shared(const char* name, std::int64_t k) const { return given.get(name, 0, k); }
  double of_table(const char* name, std::int64_t k) const {
    switch (prologue().table) {
      case ModulationTable::all:
        return given.get(name, 0, k);
      case ModulationTable::image:
        return given.get(name, m / given.args.rows_per_image, k);
      default:
        return given.get(name, given.index(m), k);
    }
  }

  double made(const char* name, std::int64_t k, std::int64_t made_columns) const {
    if (prologue().act == ditune::Activation::swiglu) return exact_silu(get(name, k)) * get(name, made_columns + k);
    if (prologue().act == ditune::Activation::swiglu_interleaved)
      return exact_silu(get(name, 2 * k)) * get(name, 2 * k + 1);
    return get(name, k);
  }

  Doubles input() const {
    Doubles v;
    const std::int64_t split = prologue().split;
    for (std::int64_t k = 0; k < columns(); ++k) {
      if (split == 0) {
        v.push_back(made("x", k, columns()));
      } else {
        v.push_back(k < split ? get("x", k) : made("x2", k - split, columns() - split));
      }
    }
    return v;
  }

  // Before it is rounded.
  Doubles h() const {
    Doubles v = input(), y;
    for (std::int64_t k = 0; k < columns(); ++k) y.push_back(get("y", k));
    const double factor = norm_factor(y, given.args.eps);
    for (std::int64_t k = 0; k < columns(); ++k) {
      double branch = y[static_cast<std::size_t>(k)];
      if (prologue().residual == Branch::gate_rms) branch *= factor * shared("w1", k);
      if (prologue().residual != Branch::add) branch *= of_table("g", k);
      v[static_cast<std::size_t>(k)] += branch;
    }
    return v;
  }

  double activated(double v, std::int64_t k) const {
    if (k < prologue().split) return v;
    switch (prologue().act) {
      case ditune::Activation::gelu_tanh:
        return exact_gelu_tanh(v);
      case ditune::Activation::gelu_erf:
        return exact_gelu_erf(v);
      case ditune::Activation::silu:
        return exact_silu(v);
      default:
        return v;
    }
  }

  double modulated(double v, std::int64_t k) const {
    const Modulation modulate = prologue().modulate;
    if (modulate == Modulation::none) return v;
    v *= of_table("s", k) + (modulate == Modulation::scale ? 0 : 1);
    return modulate == Modulation::scale1_shift ? v + of_table("t", k) : v;
  }

  // Of column k, at the row's position.
  double turned(const Doubles& v, std::int64_t k) const {
    const std::int64_t head = prologue().head, column = k % head, first = k - column;
    const bool is_half = prologue().rope == Rope::half;
    const std::int64_t pair = is_half ? column % (head / 2) : column / 2;
    const std::int64_t a = first + (is_half ? pair : 2 * pair), b = a + (is_half ? head / 2 : 1);
    const double cosine = given.get("r", m % given.args.positions, 2 * pair);
    const double sine = given.get("r", m % given.args.positions, 2 * pair + 1);
    const double at_a = v[static_cast<std::size_t>(a)], at_b = v[static_cast<std::size_t>(b)];
    return k == a ? at_a * cosine - at_b * sine : at_a * sine + at_b * cosine;
  }

  // Of the rounded h, or of the input.
  Doubles prepared(Doubles v) const {
    if (prologue().norm == Norm::layer)
      for (const double center = mean(v); double& value : v) value -= center;
    if (prologue().norm == Norm::rms_head) {
      for (auto first = v.begin(); first != v.end(); first += prologue().head) {
        const double factor = norm_factor(Doubles(first, first + prologue().head), given.args.eps);
        std::for_each(first, first + prologue().head, [&](double& value) { value *= factor; });
      }
    } else if (prologue().norm != Norm::none)
      for (const double factor = norm_factor(v, given.args.eps); double& value : v) value *= factor;
    for (std::int64_t k = 0; k < columns(); ++k) {
      double& value = v[static_cast<std::size_t>(k)];
      if (prologue().weight != NormWeight::none)
        value *= shared("w", k) + (prologue().weight == NormWeight::plus_one ? 1 : 0);
      if (prologue().bias != NormBias::none) value += shared("b", k);
      value = activated(modulated(value, k), k);
      if (prologue().smooth == Smoothing::on) value *= shared("c", k);
    }
    if (prologue().rope != Rope::none) {
      const Doubles before = v;
      for (std::int64_t k = 0; k < columns(); ++k) v[static_cast<std::size_t>(k)] = turned(before, k);
    }
    if (prologue().rotate > 1) rotate(v, prologue().rotate);
    return v;
  }
};

}  // namespace ditune::test
