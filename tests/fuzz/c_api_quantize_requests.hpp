// SPDX-License-Identifier: Apache-2.0
// What the C ABI's target asks of the kind quantize_s8.
#pragma once

#include <ditune/ditune.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "c_api_files.hpp"
#include "c_api_requests.hpp"

namespace ditune::fuzz {

inline ditune_quantize_problem problem_of(const Quantize& quantize) {
  const Prologue& p = quantize.prologue;
  ditune_quantize_problem its{};
  its.size = sizeof its;
  its.m = quantize.m, its.k = quantize.k;
  its.x = static_cast<std::int32_t>(p.x), its.residual = static_cast<std::int32_t>(p.residual);
  its.norm = static_cast<std::int32_t>(p.norm), its.weight = static_cast<std::int32_t>(p.weight);
  its.bias = static_cast<std::int32_t>(p.bias), its.modulate = static_cast<std::int32_t>(p.modulate);
  its.table = static_cast<std::int32_t>(p.table), its.act = static_cast<std::int32_t>(p.act);
  its.split = p.split, its.smooth = static_cast<std::int32_t>(p.smooth), its.rotate = p.rotate;
  its.parameters = static_cast<std::int32_t>(p.parameters), its.scale = static_cast<std::int32_t>(p.scale);
  its.out = static_cast<std::int32_t>(p.out), its.head = p.head, its.rope = static_cast<std::int32_t>(p.rope);
  return its;
}

inline ditune_quantize_problem problem_of(const Rows& rows, std::int64_t m) {
  return problem_of(Quantize{.m = m, .k = rows.k, .prologue = parse_prologue(rows.prologue)});
}

inline bool is_recorded(const ditune_quantize_problem& its) {
  return std::ranges::any_of(kRows, [&](const Rows& rows) { return is_equal(problem_of(rows, its.m), its); });
}

// Some of its fields changed.
inline void change(Input& in, ditune_quantize_problem& its) {
  for (std::size_t left = 1 + in.below(3); left > 0; --left) {
    const std::array words{&its.x,     &its.residual, &its.norm,  &its.weight, &its.bias,   &its.modulate,
                           &its.table, &its.act,      &its.split, &its.smooth, &its.rotate, &its.parameters,
                           &its.scale, &its.out,      &its.head,  &its.rope};
    if (in.one_in(4))
      *in.among(std::array{&its.m, &its.k}) = in.number();
    else
      *in.among(words) = in.word();
  }
}

template <>
inline ditune_quantize_problem make_problem(Input& in) {
  const Rows& rows = in.among(kRows);
  ditune_quantize_problem its = problem_of(rows, in.one_in(2) ? in.raw<std::uint16_t>() : 4096);
  if (in.one_in(4)) change(in, its);
  return its;
}

// Operand `i` of those that a problem has lies at place(i); of the others the pointers are null.
template <class Place>
ditune_quantize_args dense_arguments(Input& in, const ditune_quantize_problem& its, const Place& place) {
  const auto at = [&](bool is_used, int i) -> void* { return is_used ? place(i) : nullptr; };
  const bool is_added = its.residual != 0, is_table = its.table == DITUNE_QUANTIZE_TABLE_IMAGE;
  const bool is_swiglu = its.act >= DITUNE_QUANTIZE_ACT_SWIGLU;
  const std::int64_t width = is_swiglu ? 2 : 1;
  ditune_quantize_args args{};
  args.x = place(1);
  args.x2 = at(its.split > 0, 2);
  args.y = at(is_added, 3);
  args.h = is_added && in.one_in(2) ? const_cast<void*>(args.x) : at(is_added, 4);
  args.g = at(its.residual >= DITUNE_QUANTIZE_RESIDUAL_GATE, 5);
  args.s = at(its.modulate != 0, 6);
  args.t = at(its.modulate == DITUNE_QUANTIZE_MODULATE_SCALE1_SHIFT, 7);
  args.index = static_cast<const std::int32_t*>(at(its.table == DITUNE_QUANTIZE_TABLE_INDEX, 8));
  args.w1 = at(its.residual == DITUNE_QUANTIZE_RESIDUAL_GATE_RMS, 9);
  args.w = at(its.weight != 0, 10);
  args.b = at(its.bias != 0, 11);
  args.c = at(its.smooth != 0, 12);
  args.q = place(13);
  args.scale = at(its.out == DITUNE_QUANTIZE_OUT_S8, 14);
  args.r = at(its.rope != 0, 15);
  const auto columns = static_cast<std::uint64_t>(its.k);  // which may be any
  const auto wide = static_cast<std::int64_t>(static_cast<std::uint64_t>(width) * columns);
  args.ldx = its.split > 0 ? its.split : wide;
  args.ldx2 = static_cast<std::int64_t>(static_cast<std::uint64_t>(width) *
                                        (columns - static_cast<std::uint64_t>(std::int64_t{its.split})));
  args.ldy = args.ldh = args.ldt = args.ldq = its.k;
  args.ldr = its.head;
  args.positions = 1 + in.byte() % 8;
  args.tables = 1 + in.byte() % 8;
  args.rows_per_image = is_table ? its.m / args.tables + (its.m % args.tables != 0) : 0;
  args.eps = 1e-6;
  return args;
}

// `changes` of them.
inline void change(Input& in, const ditune_quantize_problem& its, ditune_quantize_args& args, std::size_t changes) {
  for (; changes > 0; --changes) {
    const std::array<const void*, 15> others{args.x,     args.x2, args.y, args.h, args.g, args.s,     args.t, args.w1,
                                             args.index, args.w,  args.b, args.c, args.q, args.scale, args.r};
    const std::array inputs{&args.x,  &args.x2, &args.y, &args.g, &args.s, &args.t,
                            &args.w1, &args.w,  &args.b, &args.c, &args.r};
    const std::array outputs{&args.h, &args.q, &args.scale};
    const std::array strides{&args.ldx, &args.ldx2, &args.ldy, &args.ldh, &args.ldt, &args.ldq, &args.ldr};
    const auto usual = [&] { return in.among(std::array{args.ldx, args.ldq, its.m, its.k}); };
    switch (in.below(6)) {
      case 0:
        *in.among(inputs) = pointer<const void>(in, others, its.k);
        break;
      case 1:
        *in.among(outputs) = pointer<void>(in, others, its.k);
        break;
      case 2:
        *in.among(strides) = stride(in, usual());
        break;
      case 3:
        *in.among(std::array{&args.tables, &args.rows_per_image, &args.positions}) = stride(in, usual());
        break;
      case 4:
        args.eps = in.among(std::array{0.0, 0.5, 1.0, -1e-9, 1e300, std::numeric_limits<double>::quiet_NaN()});
        break;
      default:
        args.index = pointer<const std::int32_t>(in, others, its.k);
    }
  }
}

inline ditune_quantize_args arguments(Input& in, const ditune_quantize_problem& its, std::size_t changes) {
  ditune_quantize_args args = dense_arguments(in, its, [](int i) { return far(static_cast<std::uint64_t>(i)); });
  change(in, its, args, changes);
  return args;
}

// Whether it is the problem as ditune writes it.
inline bool is_text_of(std::string_view text, const ditune_quantize_problem& its) {
  const auto operation = accepted([&] { return parse_operation(text); });
  const auto* const quantize = operation ? std::get_if<Quantize>(&*operation) : nullptr;
  return quantize && format(*operation) == text && is_equal(problem_of(*quantize), its);
}

}  // namespace ditune::fuzz
