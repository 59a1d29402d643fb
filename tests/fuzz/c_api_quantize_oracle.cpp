// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 in the oracle.
#include <algorithm>
#include <array>

#include "c_api_operand.hpp"
#include "c_api_oracle.hpp"

namespace ditune::fuzz {
namespace {

bool is_swiglu(const ditune_quantize_problem& p) {
  return p.act == DITUNE_QUANTIZE_ACT_SWIGLU || p.act == DITUNE_QUANTIZE_ACT_SWIGLU_INTERLEAVED;
}
bool is_gated(const ditune_quantize_problem& p) {
  return p.residual == DITUNE_QUANTIZE_RESIDUAL_GATE || p.residual == DITUNE_QUANTIZE_RESIDUAL_GATE_RMS;
}
bool has_table(const ditune_quantize_problem& p) { return is_gated(p) || p.modulate != 0; }

bool has_known_words(const ditune_quantize_problem& p) {
  return is_within(p.x, 0, 2) && is_within(p.residual, 0, 3) && is_within(p.norm, 0, 3) && is_within(p.weight, 0, 2) &&
         is_within(p.bias, 0, 1) && is_within(p.modulate, 0, 3) && is_within(p.table, 0, 2) && is_within(p.act, 0, 5) &&
         is_within(p.smooth, 0, 1) && is_within(p.parameters, 0, 1) && is_within(p.scale, 0, 1) &&
         is_within(p.out, 0, 2) && is_within(p.rope, 0, 2);
}

// x and h, y, x2, then q and scale, then what is for columns.
std::vector<Operand> operands(const ditune_quantize_args& a, const ditune_quantize_problem& p) {
  const int x_bytes = p.x == DITUNE_QUANTIZE_X_F32 ? 4 : 2;
  const int bytes = p.parameters == DITUNE_QUANTIZE_PARAMETERS_F32 ? 4 : x_bytes;
  const int q_bytes = p.out == DITUNE_QUANTIZE_OUT_S8 ? 1 : 2;
  const Wide width = is_swiglu(p) ? 2 : 1;
  const auto rows = [&](const void* data, bool is_used, Wide columns, std::int64_t stride, int element) {
    return Operand{.data = data,
                   .is_used = is_used,
                   .rows = p.m,
                   .row_bytes = columns * element,
                   .pitch = Wide{stride} * element,
                   .element = element};
  };
  const auto of_columns = [&](const void* data, bool is_used) {
    return Operand{.data = data, .is_used = is_used, .row_bytes = Wide{p.k} * bytes, .element = bytes};
  };
  const auto of_table = [&](const void* data, bool is_used) {
    Operand its = of_columns(data, is_used);
    if (p.table != DITUNE_QUANTIZE_TABLE_ALL) its.rows = a.tables, its.pitch = Wide{a.ldt} * bytes;
    return its;
  };
  std::vector<Operand> all{
      rows(a.x, true, p.split > 0 ? Wide{p.split} : width * p.k, a.ldx, x_bytes),
      rows(a.h, p.residual != 0, p.k, a.ldh, x_bytes),
      rows(a.y, p.residual != 0, p.k, a.ldy, x_bytes),
      rows(a.x2, p.split > 0, width * (p.k - p.split), a.ldx2, x_bytes),
      rows(a.q, true, p.k, a.ldq, q_bytes),
      Operand{.data = a.scale,
              .is_used = p.out == DITUNE_QUANTIZE_OUT_S8,
              .row_bytes = p.scale == DITUNE_QUANTIZE_SCALE_TOKEN ? 4 * Wide{p.m} : 4,
              .element = 4,
              .is_written = p.scale == DITUNE_QUANTIZE_SCALE_TOKEN},
      of_table(a.g, is_gated(p)),
      of_table(a.s, p.modulate != 0),
      of_table(a.t, p.modulate == DITUNE_QUANTIZE_MODULATE_SCALE1_SHIFT),
      Operand{
          .data = a.index, .is_used = p.table == DITUNE_QUANTIZE_TABLE_INDEX, .row_bytes = 4 * Wide{p.m}, .element = 4},
      of_columns(a.w1, p.residual == DITUNE_QUANTIZE_RESIDUAL_GATE_RMS),
      of_columns(a.w, p.weight != 0),
      of_columns(a.b, p.bias != 0),
      of_columns(a.c, p.smooth != 0),
      Operand{.data = a.r,
              .is_used = p.rope != 0,
              .rows = a.positions,
              .row_bytes = 4 * Wide{p.head},
              .pitch = 4 * Wide{a.ldr},
              .element = 4}};
  all[1].is_written = all[4].is_written = true;
  return all;
}

bool has_legal_strides(const ditune_quantize_args& a, const ditune_quantize_problem& p) {
  const std::int64_t width = is_swiglu(p) ? 2 : 1;
  const auto fits = [](std::int64_t stride, std::int64_t columns) { return is_within(stride, columns, kMost); };
  return fits(a.ldx, p.split > 0 ? p.split : width * p.k) && fits(a.ldq, p.k) &&
         (p.split == 0 || fits(a.ldx2, width * (p.k - p.split))) &&
         (p.residual == 0 || (fits(a.ldy, p.k) && fits(a.ldh, p.k))) && (p.rope == 0 || fits(a.ldr, p.head)) &&
         (!has_table(p) || p.table == DITUNE_QUANTIZE_TABLE_ALL || fits(a.ldt, p.k));
}

bool has_legal_numbers(const ditune_quantize_args& a, const ditune_quantize_problem& p) {
  const auto eps = static_cast<float>(a.eps);
  if ((p.norm != 0 || p.residual == DITUNE_QUANTIZE_RESIDUAL_GATE_RMS) && !(eps >= 0 && eps < 1)) return false;
  if (p.rope != 0 && !is_within(a.positions, 1, kMost)) return false;
  if (!has_table(p) || p.table == DITUNE_QUANTIZE_TABLE_ALL) return true;
  if (!is_within(a.tables, 1, kMost)) return false;
  return p.table == DITUNE_QUANTIZE_TABLE_INDEX ||
         (is_within(a.rows_per_image, 1, kMost) && Wide{a.tables} * a.rows_per_image >= p.m);
}

bool has_legal_heads(const ditune_quantize_problem& p) {
  const bool are_asked = p.norm == DITUNE_QUANTIZE_NORM_RMS_HEAD || p.rope != 0;
  if (p.head == 0) return !are_asked;
  const bool is_size = p.head == 16 || p.head == 32 || p.head == 64 || p.head == 128 || p.head == 256;
  return are_asked && is_size && p.k % p.head == 0 && p.rotate <= 1;
}

// Whether q may be x.
bool may_be_in_place(const ditune_quantize_problem& p) {
  return p.out != DITUNE_QUANTIZE_OUT_S8 && p.x != DITUNE_QUANTIZE_X_F32 && p.residual == 0 && p.split == 0 &&
         !is_swiglu(p);
}

}  // namespace

bool is_legal(const ditune_quantize_problem& p) {
  const std::int64_t group = p.rotate == 0 ? 1 : p.rotate;
  if (!is_within(p.m, 1, kMost) || !is_within(p.k, 1, kMostK) || !has_known_words(p)) return false;
  if ((group != 1 && group != 16 && group != 64 && group != 256) || p.k % group != 0) return false;
  if (!is_within(p.split, 0, p.k - 1) || !has_legal_heads(p)) return false;
  if ((is_swiglu(p) || p.split > 0) && (p.residual != 0 || p.norm != 0 || p.modulate != 0 || p.rope != 0)) return false;
  return (p.norm != 0 || (p.weight == 0 && p.bias == 0)) && (p.bias == 0 || p.weight != 0) &&
         (p.table == 0 || has_table(p)) && (p.scale == 0 || p.out == 0);
}

bool is_equal(const ditune_quantize_problem& a, const ditune_quantize_problem& b) {
  const auto group = [](const ditune_quantize_problem& p) { return p.rotate == 0 ? 1 : p.rotate; };
  return a.m == b.m && a.k == b.k && a.x == b.x && a.residual == b.residual && a.norm == b.norm &&
         a.weight == b.weight && a.bias == b.bias && a.modulate == b.modulate && a.table == b.table && a.act == b.act &&
         a.split == b.split && a.smooth == b.smooth && group(a) == group(b) && a.parameters == b.parameters &&
         a.scale == b.scale && a.out == b.out && a.head == b.head && a.rope == b.rope;
}

bool is_legal(const ditune_quantize_args& a, const ditune_quantize_problem& p, const Use& use) {
  if (!has_legal_strides(a, p) || !has_legal_numbers(a, p)) return false;
  const std::vector<Operand> all = operands(a, p);
  if (!std::ranges::all_of(all, [&](const Operand& its) { return its.is_good(use); })) return false;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j) {
      const bool is_h = i == 1, is_q = i == 4 && may_be_in_place(p);  // may be x
      const bool may_be = (is_h || is_q) && j == 0 && is_in_place(all[i], all[j]);
      if (i != j && all[i].is_written && !may_be && overlap(all[i], all[j])) return false;
    }
  return true;
}

std::vector<Block> blocks(const ditune_quantize_args& args, const ditune_quantize_problem& problem) {
  return blocks_of(operands(args, problem));
}

bool is_huge(const ditune_quantize_problem&) { return false; }

bool is_asked(const Launch& launch, const ditune_quantize_args& args, const ditune_quantize_problem& its) {
  if (!launch.quantize) return false;
  const QuantizeArgs& seen = *launch.quantize;
  const bool are_pointers = seen.x == args.x && seen.x2 == args.x2 && seen.y == args.y && seen.h == args.h &&
                            seen.g == args.g && seen.s == args.s && seen.t == args.t && seen.index == args.index &&
                            seen.w1 == args.w1 && seen.w == args.w && seen.b == args.b && seen.c == args.c &&
                            seen.q == args.q && seen.scale == args.scale && seen.r == args.r;
  const bool are_strides = seen.ldx == args.ldx && seen.ldx2 == args.ldx2 && seen.ldy == args.ldy &&
                           seen.ldh == args.ldh && seen.ldt == args.ldt && seen.ldq == args.ldq && seen.ldr == args.ldr;
  return are_pointers && are_strides && seen.m == its.m && seen.k == its.k && seen.tables == args.tables &&
         seen.rows_per_image == args.rows_per_image && seen.positions == args.positions &&
         (seen.eps == static_cast<float>(args.eps) || (seen.eps != seen.eps && args.eps != args.eps));
}

}  // namespace ditune::fuzz
