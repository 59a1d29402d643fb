// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantize_s8/plain_quantize.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "activation.cuh"
#include "emulation/numbers.hpp"
#include "runtime/with_fma.hpp"

namespace ditune {
namespace {

using Values = std::vector<float>;  // of a row, by column

float value_at(const void* array, InputType type, long long at) {
  if (type == InputType::f32) return static_cast<const float*>(array)[at];
  const unsigned short half = static_cast<const unsigned short*>(array)[at];
  return type == InputType::bf16 ? emulation::float_of(unsigned{half} << 16) : emulation::float_from_f16(half);
}

// ---- sums, in the contract's order

// Of one value for each octet.
float folded(Values sums) {
  std::size_t half = 1;
  while (half < sums.size()) half *= 2;
  sums.resize(half);
  while ((half /= 2) > 0)
    for (std::size_t i = 0; i < half; ++i) sums[i] = sums[i] + sums[i + half];
  return sums[0] + 0.0F;
}

template <class OctetSum>
float sum_of_octets(const Values& values, const OctetSum& octet_sum) {
  Values sums;
  for (std::size_t first = 0; first < values.size(); first += 8) {
    float v[8] = {};
    for (std::size_t i = 0; i < 8 && first + i < values.size(); ++i) v[i] = values[first + i];
    sums.push_back(octet_sum(v));
  }
  return folded(std::move(sums));
}

float sum(const Values& values) {
  return sum_of_octets(
      values, [](const float(&v)[8]) { return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])); });
}

float squares(const Values& values) {
  return sum_of_octets(values, [](const float(&v)[8]) {
    float p[4];
    for (int i = 0; i < 4; ++i) p[i] = std::fma(v[2 * i], v[2 * i], v[2 * i + 1] * v[2 * i + 1]);
    return (p[0] + p[1]) + (p[2] + p[3]);
  });
}

// What a norm multiplies by.
float norm_factor(const Values& values, float eps) {
  return 1.0F / std::sqrt(squares(values) / static_cast<float>(values.size()) + eps);
}

// ---- the steps

struct Row {
  const QuantizeArgs& args;
  const Prologue& prologue;
  long long m;

  InputType parameters() const { return prologue.parameters == ParameterType::f32 ? InputType::f32 : prologue.x; }
  // Of one of the vectors for all rows.
  float parameter(const void* array, long long k) const { return value_at(array, parameters(), k); }
  // Of g, s or t.
  float of_table(const void* array, long long k) const {
    if (prologue.table == ModulationTable::all) return parameter(array, k);
    const long long table = prologue.table == ModulationTable::image ? m / args.rows_per_image : args.index[m];
    return parameter(array, table * args.ldt + k);
  }
};

// What `columns` columns are made of a buffer's row.
Values columns_of(const Row& row, const void* array, long long stride, long long columns) {
  const auto at = [&](long long column) { return value_at(array, row.prologue.x, row.m * stride + column); };
  Values values;
  values.reserve(static_cast<std::size_t>(columns));
  for (long long k = 0; k < columns; ++k) {
    if (row.prologue.act == Activation::swiglu) {
      values.push_back(silu(at(k)) * at(columns + k));
    } else if (row.prologue.act == Activation::swiglu_interleaved) {
      values.push_back(silu(at(2 * k)) * at(2 * k + 1));
    } else {
      values.push_back(at(k));
    }
  }
  return values;
}

Values input(const Row& row) {
  const QuantizeArgs& args = row.args;
  const long long split = row.prologue.split;
  if (split == 0) return columns_of(row, args.x, args.ldx, args.k);
  Values values;
  for (long long k = 0; k < split; ++k) values.push_back(value_at(args.x, row.prologue.x, row.m * args.ldx + k));
  const Values second = columns_of(row, args.x2, args.ldx2, args.k - split);
  values.insert(values.end(), second.begin(), second.end());
  return values;
}

unsigned input_bits(InputType type, float v) {
  if (type == InputType::f32) return emulation::bits_of(v);
  return type == InputType::bf16 ? emulation::bf16_from_float(v) : emulation::f16_from_float(v);
}

// As h has it.
float rounded(InputType type, float v) {
  const unsigned bits = input_bits(type, v);
  return value_at(&bits, type, 0);  // little-endian
}

void add_branch(const Row& row, Values& v) {
  const QuantizeArgs& args = row.args;
  const Prologue& prologue = row.prologue;
  if (prologue.residual == Branch::none) return;
  Values y;
  for (long long k = 0; k < args.k; ++k) y.push_back(value_at(args.y, prologue.x, row.m * args.ldy + k));
  const float factor = prologue.residual == Branch::gate_rms ? norm_factor(y, args.eps) : 0;
  for (long long k = 0; k < args.k; ++k) {
    float& value = v[static_cast<std::size_t>(k)];
    const float branch = y[static_cast<std::size_t>(k)];
    if (prologue.residual == Branch::add) value = value + branch;
    if (prologue.residual == Branch::gate) value = std::fma(row.of_table(args.g, k), branch, value);
    if (prologue.residual == Branch::gate_rms)
      value = std::fma(row.of_table(args.g, k) * row.parameter(args.w1, k), branch * factor, value);
    value = rounded(prologue.x, value);
  }
}

void normalize(const Row& row, Values& v) {
  const Prologue& prologue = row.prologue;
  if (prologue.norm == Norm::none) return;
  if (prologue.norm == Norm::rms_head) {
    for (auto first = v.begin(); first != v.end(); first += prologue.head) {
      const float factor = norm_factor({first, first + prologue.head}, row.args.eps);
      std::for_each(first, first + prologue.head, [&](float& value) { value = value * factor; });
    }
    return;
  }
  if (prologue.norm == Norm::layer) {
    const float mean = sum(v) / static_cast<float>(v.size());
    for (float& value : v) value = value - mean;
  }
  const float factor = norm_factor(v, row.args.eps);
  for (float& value : v) value = value * factor;
}

// By the norm's weight and bias and the modulation, which are one factor and one term.
float scaled(const Row& row, long long k, float v) {
  const auto& [args, prologue, m] = row;
  const bool has_weight = prologue.weight != NormWeight::none, has_bias = prologue.bias != NormBias::none;
  const bool is_modulated = prologue.modulate != Modulation::none;
  if (!has_weight && !is_modulated) return v;
  float factor = 1, term = 0, modulation = 1;
  if (is_modulated) modulation = row.of_table(args.s, k);
  if (is_modulated && prologue.modulate != Modulation::scale) modulation = 1.0F + modulation;
  if (has_weight) factor = row.parameter(args.w, k);
  if (prologue.weight == NormWeight::plus_one) factor = 1.0F + factor;
  factor = !has_weight ? modulation : is_modulated ? factor * modulation : factor;
  if (has_bias) term = is_modulated ? row.parameter(args.b, k) * modulation : row.parameter(args.b, k);
  if (prologue.modulate == Modulation::scale1_shift) {
    const float shift = row.of_table(args.t, k);
    term = has_bias ? std::fma(row.parameter(args.b, k), modulation, shift) : shift;
  }
  const bool has_term = has_bias || prologue.modulate == Modulation::scale1_shift;
  return has_term ? std::fma(v, factor, term) : v * factor;
}

float activated(const Row& row, long long k, float v) {
  if (k < row.prologue.split) return v;
  switch (row.prologue.act) {
    case Activation::gelu_tanh:
      return gelu_tanh(v);
    case Activation::gelu_erf:
      return gelu_erf(v);
    case Activation::silu:
      return silu(v);
    default:  // swiglu made the columns
      return v;
  }
}

// Each pair of columns of a head by its angle at the row's position.
void turn(const Row& row, Values& v) {
  if (row.prologue.rope == Rope::none) return;
  const float* const table = row.args.r + row.m % row.args.positions * row.args.ldr;
  const auto head = static_cast<std::size_t>(row.prologue.head);
  const bool is_half = row.prologue.rope == Rope::half;
  for (std::size_t first = 0; first < v.size(); first += head)
    for (std::size_t pair = 0; pair < head / 2; ++pair) {
      float& a = v[first + (is_half ? pair : 2 * pair)];
      float& b = v[first + (is_half ? pair + head / 2 : 2 * pair + 1)];
      const float cosine = table[2 * pair], sine = table[2 * pair + 1], before = a;
      a = std::fma(a, cosine, -(b * sine));
      b = std::fma(b, cosine, before * sine);
    }
}

void rotate(const Prologue& prologue, Values& v) {
  const int columns = prologue.rotate;
  const auto group = static_cast<std::size_t>(columns);
  if (group == 1) return;
  for (std::size_t digit = 1; digit < group; digit *= 4)  // what a 1 there is worth
    for (std::size_t first = 0; first < v.size(); first += 4 * digit)
      for (std::size_t k = first; k < first + digit; ++k) {
        float &x0 = v[k], &x1 = v[k + digit], &x2 = v[k + 2 * digit], &x3 = v[k + 3 * digit];
        const float all = (x0 + x1) + (x2 + x3);
        for (float* x : {&x0, &x1, &x2, &x3}) *x = std::fma(-2.0F, *x, all);
      }
  const float root = std::sqrt(static_cast<float>(group));
  for (float& value : v) value = value / root;
  for (auto first = v.begin(); first != v.end(); first += columns) std::reverse(first, first + columns);
}

// What goes into the output's rounding.
Values prepared(const Row& row, Values v) {
  normalize(row, v);
  for (long long k = 0; k < row.args.k; ++k) {
    float& value = v[static_cast<std::size_t>(k)];
    value = activated(row, k, scaled(row, k, value));
    if (row.prologue.smooth == Smoothing::on) value = value * row.parameter(row.args.c, k);
  }
  turn(row, v);
  rotate(row.prologue, v);
  return v;
}

// ---- outputs

// One value of a buffer's row.
void store(void* array, long long at, unsigned bits, std::size_t size) {
  std::memcpy(static_cast<std::byte*>(array) + at * static_cast<long long>(size), &bits, size);  // little-endian
}

float largest(const Values& v) {
  float a = 0;
  for (const float value : v) a = emulation::maximum(a, std::fabs(value));
  return a;
}

void quantize_by_largest(const Row& row, const Values& v) {
  constexpr float kRound = 0x1.8p23F;
  const float a = largest(v);
  const bool is_finite = std::isfinite(a);
  const float factor = std::fmin(127.0F / a, 0x1.fffffep127F);
  for (long long k = 0; k < row.args.k; ++k) {
    const float whole = is_finite ? std::fma(v[static_cast<std::size_t>(k)], factor, kRound) - kRound : 0.0F;
    store(row.args.q, row.m * row.args.ldq + k, static_cast<unsigned>(static_cast<int>(whole)), 1);
  }
  row.args.scale[row.m] = is_finite ? a / 127.0F : NAN;
}

void quantize_by_given(const Row& row, const Values& v) {
  const float factor = 1.0F / row.args.scale[0];
  for (long long k = 0; k < row.args.k; ++k) {
    const float scaled = v[static_cast<std::size_t>(k)] * factor;
    const float whole = std::isnan(scaled) ? 0.0F : std::nearbyint(std::fmin(std::fmax(scaled, -127.0F), 127.0F));
    store(row.args.q, row.m * row.args.ldq + k, static_cast<unsigned>(static_cast<int>(whole)), 1);
  }
}

void store_rounded(const Row& row, const Values& v) {
  for (long long k = 0; k < row.args.k; ++k) {
    const float value = v[static_cast<std::size_t>(k)];
    const unsigned bits =
        row.prologue.out == QuantizedType::bf16 ? emulation::bf16_from_float(value) : emulation::f16_from_float(value);
    store(row.args.q, row.m * row.args.ldq + k, bits, 2);
  }
}

void store_h(const Row& row, const Values& v) {
  const std::size_t size = row.prologue.x == InputType::f32 ? 4 : 2;
  for (long long k = 0; k < row.args.k; ++k)
    store(row.args.h, row.m * row.args.ldh + k, input_bits(row.prologue.x, v[static_cast<std::size_t>(k)]), size);
}

void make_row(const Row& row) {
  const Prologue& prologue = row.prologue;
  Values v = input(row);
  add_branch(row, v);
  if (prologue.residual != Branch::none) store_h(row, v);
  v = prepared(row, std::move(v));
  if (prologue.out != QuantizedType::s8) {
    store_rounded(row, v);
  } else if (prologue.scale == QuantizedScale::tensor) {
    quantize_by_given(row, v);
  } else {
    quantize_by_largest(row, v);
  }
}

}  // namespace

void plain_quantize_row(const QuantizeArgs& args, const Prologue& prologue, long long m) {
  with_fma([&] { make_row({args, prologue, m}); });
}

Outputs plain_quantize(const QuantizeArgs& args, const Prologue& prologue) {
  const Quantize quantize{.m = args.m, .k = args.k, .prologue = prologue};
  const QuantizeArgs packed = Operands<Quantize>::packed(quantize);
  Arguments own = args;
  for (const Operand& operand : operands_of(quantize, packed))
    if (operand.role == Role::output && operand.extents.stride_name) set_stride(own, operand, operand.extents.stride);
  Outputs outputs;
  for (const Operand& operand : operands_of(quantize, own)) {
    if (!operand.is_present || operand.role != Role::output) continue;
    outputs.emplace_back(static_cast<std::size_t>(operand.bytes()));
    set_pointer(own, operand, outputs.back().data());
  }
  for (long long m = 0; m < args.m; ++m) plain_quantize_row(std::get<QuantizeArgs>(own), prologue, m);
  return outputs;
}

}  // namespace ditune
