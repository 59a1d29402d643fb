// SPDX-License-Identifier: Apache-2.0
// What the C ABI's target asks: problems, GPUs and arguments, mostly good ones.
#pragma once

#include <ditune/ditune.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "c_api_files.hpp"
#include "c_api_input.hpp"
#include "c_api_oracle.hpp"
#include "ditune/operation.hpp"
#include "fuzz.hpp"

namespace ditune::fuzz {

template <class T>
T* address(std::uint64_t number) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(number));
}

inline ditune_problem problem_of(const Gemm& gemm) {
  const Epilogue& e = gemm.epilogue;
  ditune_problem its{};
  its.size = sizeof its;
  its.m = gemm.m, its.n = gemm.n, its.k = gemm.k;
  its.sx = static_cast<std::int32_t>(e.sx), its.sw = static_cast<std::int32_t>(e.sw);
  its.bias = static_cast<std::int32_t>(e.bias), its.op = static_cast<std::int32_t>(e.op), its.from = e.from;
  its.residual = static_cast<std::int32_t>(e.residual), its.gate = static_cast<std::int32_t>(e.gate);
  its.out = static_cast<std::int32_t>(e.out);
  return its;
}

inline ditune_problem problem_of(const Layer& layer, std::int64_t m) {
  return problem_of({.m = m, .n = layer.n, .k = layer.k, .epilogue = parse_epilogue(layer.epilogue)});
}

// Whether a record of the sound database answers, on the cards of the machine.
inline bool is_recorded(const ditune_problem& its) {
  return std::ranges::any_of(kLayers, [&](const Layer& layer) { return is_equal(problem_of(layer, its.m), its); });
}

// Some of its fields changed.
inline void change(Input& in, ditune_problem& its) {
  for (std::size_t left = 1 + in.below(3); left > 0; --left) {
    const std::array sizes{&its.m, &its.n, &its.k, &its.from};
    const std::array words{&its.sx, &its.sw, &its.bias, &its.op, &its.out, &its.residual, &its.gate};
    if (in.one_in(2))
      *in.among(words) = in.word();
    else
      *in.among(sizes) = in.number();
  }
}

template <class Problem>
Problem make_problem(Input& in);

template <>
inline ditune_problem make_problem(Input& in) {
  const Layer& layer = in.among(kLayers);
  ditune_problem its = problem_of(layer, in.one_in(2) ? in.raw<std::uint16_t>() : 4096);
  if (in.one_in(4)) change(in, its);
  return its;
}

// Mostly one that is known, by all or some of what tells it.
inline ditune_device named_device(Input& in) {
  const Card& card = in.among(kCards);
  ditune_device its{sizeof its, card.name, card.arch, card.sms};
  const std::size_t form = in.below(8);
  if ((form & 1) != 0) its.arch = 0;
  if ((form & 2) != 0) its.sms = 0;
  if (form > 3) return its;
  if (in.one_in(4))
    its.name = in.among(std::array{kOtherNames[0], kOtherNames[1], "", static_cast<const char*>(nullptr)});
  if (in.one_in(4)) its.arch = in.word();
  if (in.one_in(4)) its.sms = in.word();
  return its;
}

// Anywhere: null, misaligned, at or near others, or at the ends of what there is.
template <class T, std::size_t N>
T* pointer(Input& in, const std::array<const void*, N>& others, std::int64_t k) {
  const auto other = reinterpret_cast<std::uintptr_t>(in.among(others));
  switch (in.below(8)) {
    case 0:
      return nullptr;
    case 1:
      return address<T>(other);
    case 2:
      return address<T>(other + static_cast<std::uint64_t>(k));
    case 3:
      return address<T>(other + 16 * in.byte());
    case 4:
      return address<T>(other + in.byte());
    case 5:
      return address<T>(other - 16 * in.raw<std::uint32_t>());
    case 6:
      return address<T>(0 - 16 * std::uint64_t{in.raw<std::uint32_t>()});
    default:
      return address<T>(in.raw<std::uint64_t>());
  }
}

inline std::int64_t stride(Input& in, std::int64_t near) {
  const auto usual = static_cast<std::uint64_t>(near);
  switch (in.below(4)) {
    case 0:
      return static_cast<std::int64_t>(usual + 16 * in.byte());
    case 1:
      return static_cast<std::int64_t>(usual * in.byte());
    case 2:
      return in.raw<std::uint16_t>();
    default:
      return in.number();
  }
}

// 2^45 bytes apart: as large as the operands of most problems will not be.
inline void* far(std::uint64_t number) { return address<void>(number << 45); }

// Dense rows, each operand at a place of its own, or a residual that is y itself.
template <class Place>
ditune_args dense_arguments(Input& in, const ditune_problem& its, const Place& place) {
  const bool is_scaled = its.out != DITUNE_OUT_S32, is_table = its.gate == DITUNE_GATE_TABLE;
  ditune_args args{};
  args.x = place(1);
  args.w = place(2);
  args.y = place(3);
  args.sx = is_scaled ? place(4) : nullptr;
  args.sw = is_scaled ? place(5) : nullptr;
  args.bias = its.bias != DITUNE_BIAS_NONE ? place(6) : nullptr;
  args.workspace = place(7);
  args.ldx = args.ldw = its.k;
  args.ldy = its.op == DITUNE_OP_SWIGLU ? its.n / 2 : its.n;
  if (its.residual == DITUNE_RESIDUAL_NONE) return args;
  const bool is_as_wide = its.residual == DITUNE_RESIDUAL_F32 ? its.out == DITUNE_OUT_F32 : its.out <= DITUNE_OUT_F16;
  args.r = is_as_wide && in.one_in(2) ? args.y : place(8);
  args.ldr = args.ldg = its.n;
  args.g = its.gate != DITUNE_GATE_NONE ? place(9) : nullptr;
  args.gate_index = its.gate == DITUNE_GATE_INDEX ? static_cast<const std::int32_t*>(place(10)) : nullptr;
  args.gates = 1 + in.byte();
  args.rows_per_gate = is_table ? its.m / args.gates + (its.m % args.gates != 0) : 0;
  return args;
}

// `changes` of them.
inline void change(Input& in, const ditune_problem& its, ditune_args& args, std::size_t changes) {
  for (; changes > 0; --changes) {
    const std::array<const void*, 10> others{args.x,    args.w,         args.y, args.sx, args.sw,
                                             args.bias, args.workspace, args.r, args.g,  args.gate_index};
    const std::array inputs{&args.x, &args.w, &args.sx, &args.sw, &args.bias, &args.r, &args.g};
    const std::array outputs{&args.y, &args.workspace};
    const std::array strides{&args.ldx, &args.ldw, &args.ldy, &args.ldr, &args.ldg};
    const std::array counts{&args.gates, &args.rows_per_gate};
    const auto usual = [&] { return in.among(std::array{args.ldx, args.ldw, args.ldy, its.m, its.n, its.k}); };
    switch (in.below(5)) {
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
        *in.among(counts) = stride(in, usual());
        break;
      default:
        args.gate_index = pointer<const std::int32_t>(in, others, its.k);
    }
  }
}

inline ditune_args arguments(Input& in, const ditune_problem& its, std::size_t changes) {
  ditune_args args = dense_arguments(in, its, [](int i) { return far(static_cast<std::uint64_t>(i)); });
  change(in, its, args, changes);
  return args;
}

// Whether it is the problem as ditune writes it.
inline bool is_text_of(std::string_view text, const ditune_problem& its) {
  const auto operation = accepted([&] { return parse_operation(text); });
  const auto* const gemm = operation ? std::get_if<Gemm>(&*operation) : nullptr;
  return gemm && format(*operation) == text && is_equal(problem_of(*gemm), its);
}

}  // namespace ditune::fuzz
