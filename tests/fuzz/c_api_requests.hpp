// SPDX-License-Identifier: Apache-2.0
// What the C ABI's target asks: problems, GPUs and arguments, mostly good ones.
#pragma once

#include <ditune/ditune.h>

#include <array>
#include <cstdint>

#include "c_api_files.hpp"
#include "c_api_input.hpp"
#include "c_api_oracle.hpp"
#include "ditune/operation.hpp"

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

inline ditune_problem problem(Input& in) {
  const Layer& layer = in.among(kLayers);
  ditune_problem its = problem_of(layer, in.one_in(2) ? in.raw<std::uint16_t>() : 4096);
  if (!in.one_in(4)) return its;
  for (std::size_t left = 1 + in.below(3); left > 0; --left) {
    const std::array sizes{&its.m, &its.n, &its.k, &its.from};
    const std::array words{&its.sx, &its.sw, &its.bias, &its.op, &its.out, &its.residual, &its.gate};
    if (in.one_in(2))
      *in.among(words) = in.word();
    else
      *in.among(sizes) = in.number();
  }
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
template <class T>
T* pointer(Input& in, const ditune_args& args, const ditune_problem& its) {
  const std::array<const void*, 10> others{args.x,    args.w,         args.y, args.sx, args.sw,
                                           args.bias, args.workspace, args.r, args.g,  args.gate_index};
  const auto other = reinterpret_cast<std::uintptr_t>(in.among(others));
  switch (in.below(8)) {
    case 0:
      return nullptr;
    case 1:
      return address<T>(other);
    case 2:
      return address<T>(other + static_cast<std::uint64_t>(its.k));
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

inline std::int64_t stride(Input& in, const ditune_args& args, const ditune_problem& its) {
  const auto usual =
      static_cast<std::uint64_t>(in.among(std::array{args.ldx, args.ldw, args.ldy, its.m, its.n, its.k}));
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

// Dense rows far apart, or a residual that is y itself.
inline ditune_args dense_arguments(Input& in, const ditune_problem& its) {
  constexpr int kFar = 45;  // 2^45 bytes: as large as the operands of most problems will not be
  const auto far = [](std::uint64_t number) { return address<void>(number << kFar); };
  const bool is_scaled = its.out != DITUNE_OUT_S32, is_table = its.gate == DITUNE_GATE_TABLE;
  ditune_args args{};
  args.x = far(1);
  args.w = far(2);
  args.y = far(3);
  args.sx = is_scaled ? far(4) : nullptr;
  args.sw = is_scaled ? far(5) : nullptr;
  args.bias = its.bias != DITUNE_BIAS_NONE ? far(6) : nullptr;
  args.workspace = far(7);
  args.ldx = args.ldw = its.k;
  args.ldy = its.op == DITUNE_OP_SWIGLU ? its.n / 2 : its.n;
  if (its.residual == DITUNE_RESIDUAL_NONE) return args;
  const bool is_as_wide = its.residual == DITUNE_RESIDUAL_F32 ? its.out == DITUNE_OUT_F32 : its.out <= DITUNE_OUT_F16;
  args.r = is_as_wide && in.one_in(2) ? args.y : far(8);
  args.ldr = args.ldg = its.n;
  args.g = its.gate != DITUNE_GATE_NONE ? far(9) : nullptr;
  args.gate_index = its.gate == DITUNE_GATE_INDEX ? static_cast<const std::int32_t*>(far(10)) : nullptr;
  args.gates = 1 + in.byte();
  args.rows_per_gate = is_table ? its.m / args.gates + (its.m % args.gates != 0) : 0;
  return args;
}

// Those, then `changes` of them.
inline ditune_args arguments(Input& in, const ditune_problem& its, std::size_t changes) {
  ditune_args args = dense_arguments(in, its);
  for (; changes > 0; --changes) {
    const std::array inputs{&args.x, &args.w, &args.sx, &args.sw, &args.bias, &args.r, &args.g};
    const std::array outputs{&args.y, &args.workspace};
    const std::array strides{&args.ldx, &args.ldw, &args.ldy, &args.ldr, &args.ldg};
    const std::array counts{&args.gates, &args.rows_per_gate};
    switch (in.below(5)) {
      case 0:
        *in.among(inputs) = pointer<const void>(in, args, its);
        break;
      case 1:
        *in.among(outputs) = pointer<void>(in, args, its);
        break;
      case 2:
        *in.among(strides) = stride(in, args, its);
        break;
      case 3:
        *in.among(counts) = stride(in, args, its);
        break;
      default:
        args.gate_index = pointer<const std::int32_t>(in, args, its);
    }
  }
  return args;
}

}  // namespace ditune::fuzz
