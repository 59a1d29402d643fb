// SPDX-License-Identifier: Apache-2.0
// The block of block.hpp in float64, as the model's own code has it: nothing is rounded or quantized. What ditune makes
// of it is near.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "block.hpp"

namespace example {

// What is compared: small, ragged in tokens.
inline constexpr BlockSizes kCheckSizes{.tokens = 17, .hidden = 256, .mlp = 688};

using Doubles = std::vector<double>;

// [tokens, N] each, packed.
struct Float64Block {
  Doubles h, qkv, o, gate_up, down;
};

inline Doubles row_of(const Vector<Bf16>& matrix, std::int64_t row, std::int64_t columns) {
  Doubles values;
  for (std::int64_t k = 0; k < columns; ++k)
    values.push_back(value(matrix[static_cast<std::size_t>(row * columns + k)]));
  return values;
}

inline Doubles rms_norm(const Doubles& x, const Vector<Bf16>& weight) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  const double factor = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
  Doubles y;
  for (std::size_t k = 0; k < x.size(); ++k) y.push_back(x[k] * factor * value(weight[k]));
  return y;
}

inline Doubles with_branch(const Doubles& x, const Doubles& y, const NormParameters<Vector>& by) {
  Doubles h = rms_norm(y, by.branch_norm);
  for (std::size_t k = 0; k < h.size(); ++k) h[k] = x[k] + value(by.gate[k]) * h[k];
  return h;
}

inline Doubles normed(const Doubles& h, const NormParameters<Vector>& by) {
  Doubles v = rms_norm(h, by.norm);
  for (std::size_t k = 0; k < v.size(); ++k) v[k] *= 1.0 + value(by.scale[k]);
  return v;
}

inline Doubles linear(const Doubles& x, const Weight<Vector>& weight) {
  Doubles y;
  for (std::size_t n = 0; n < weight.scales.size(); ++n) {
    double sum = 0;
    for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * weight.w[n * x.size() + k];
    y.push_back(sum * static_cast<double>(weight.scales[n]));
  }
  return y;
}

inline Doubles swiglu(const Doubles& y) {
  Doubles activated;
  for (std::size_t k = 0; k < y.size(); k += 2) activated.push_back(y[k] / (1 + std::exp(-y[k])) * y[k + 1]);
  return activated;
}

inline Float64Block float64_block(const BlockSizes& sizes, const BlockInputs<Vector>& in) {
  Float64Block block;
  const auto append = [](Doubles& to, const Doubles& row) { to.insert(to.end(), row.begin(), row.end()); };
  for (std::int64_t m = 0; m < sizes.tokens; ++m) {
    const Doubles x = row_of(in.x, m, sizes.hidden), y = row_of(in.y, m, sizes.hidden);
    Doubles h = with_branch(x, y, in.attention);
    const Doubles qkv = linear(normed(h, in.attention), in.qkv);
    const Doubles attention(qkv.begin() + 2 * sizes.hidden, qkv.end());  // V
    const Doubles o = linear(attention, in.o);
    h = with_branch(h, o, in.mlp);
    const Doubles gate_up = swiglu(linear(normed(h, in.mlp), in.gate_up));
    append(block.h, h);
    append(block.qkv, qkv);
    append(block.o, o);
    append(block.gate_up, gate_up);
    append(block.down, linear(gate_up, in.down));
  }
  return block;
}

// The Frobenius norm of the difference over that of the exact matrix. NaN if a value is.
inline double relative_error(const Vector<Bf16>& matrix, const Doubles& exact) {
  double apart = 0, length = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    apart += (value(matrix[i]) - exact[i]) * (value(matrix[i]) - exact[i]);
    length += exact[i] * exact[i];
  }
  return std::sqrt(apart / length);
}

struct NamedError {
  const char* name;
  double error, allowed;
  bool is_small() const { return error <= allowed; }  // NaN is not
};

// Errors of a block of kCheckSizes come from the int8 rows. The largest value of a row is about 4 times its deviation:
// a step is 4/127 of that, and rounding to steps an error of 1/sqrt(12) of one, 0.9%. That is what qkv has. Such errors
// are independent, their squares add up: o has two of them, 1.2%; gate_up multiplies two columns, 1.6%; its few large
// values make the steps of down's rows wider, 2.4%; of h the branch is a part. A fifth of each is added here.
inline std::array<NamedError, 5> errors(const BlockOutputs<Vector>& out, const Float64Block& exact) {
  return {{
      {"qkv", relative_error(out.qkv.y, exact.qkv), 0.011},
      {"o", relative_error(out.o.y, exact.o), 0.0147},
      {"h", relative_error(out.h, exact.h), 0.0066},
      {"gate_up", relative_error(out.gate_up.y, exact.gate_up), 0.0192},
      {"down", relative_error(out.down.y, exact.down), 0.0284},
  }};
}

}  // namespace example
