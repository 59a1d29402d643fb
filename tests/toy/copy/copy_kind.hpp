// SPDX-License-Identifier: Apache-2.0
// The kind copy in core.
#pragma once

#include "copy/copy.hpp"
#include "copy_operands.cuh"
#include "core/fields.hpp"
#include "core/kind.hpp"

namespace ditune {

template <>
struct Fields<Copy> {
  static constexpr std::array kTable{field<&Copy::m>({.max = 1'000'000, .is_required = true}),
                                     field<&Copy::k>({.max = 2147483647, .is_required = true}), field<&Copy::type>()};
};

template <>
struct Kind<Copy> {
  static constexpr std::string_view kName = "copy";
  static constexpr std::string_view kExample = "m=6144,k=4608";
  static std::string format(const Copy& copy) { return format_fields(field_values(copy)); }
  static Copy parse(std::string_view text) { return parse_fields<Copy>(text, "operation"); }
  static std::vector<Size> sizes(const Copy& copy) { return {{"M", copy.m}, {"K", copy.k}}; }
  static std::string fused(const Copy&) { return {}; }
  static std::string format_layer(const Copy& copy);
  static Copy parse_layer(std::string_view text);
  static std::weak_ordering compare_layers(const Copy& a, const Copy& b);
  static std::int64_t rows(const Copy& copy) { return copy.m; }
  static Copy with_rows(Copy copy, std::int64_t rows) {
    copy.m = rows;
    return copy;
  }
  static constexpr std::int64_t kMaxRows = 1'000'000;
  static double work(const Copy& copy) { return static_cast<double>(copy.m) * static_cast<double>(copy.k); }
  static constexpr Rate kRate = Rate::bytes;
  static double distance(const Copy& a, const Copy& b);
  static std::uint64_t hash(const Copy& copy) noexcept { return index_of(copy); }
};

template <>
struct Operands<Copy> {
  using Args = CopyArgs;
  static CopyOperands table(const Copy& copy, const CopyArgs& args, std::int64_t) {
    return copy_operands(copy.type, args);
  }
  static CopyArgs packed(const Copy& copy) { return {nullptr, nullptr, copy.m, copy.k, copy.k, copy.k}; }
  static Copy operation(const Copy& like, const CopyArgs& args) { return {args.m, args.k, like.type}; }
  static constexpr std::string_view kDecides = "the kind";
};

}  // namespace ditune
