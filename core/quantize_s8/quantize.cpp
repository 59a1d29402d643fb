// SPDX-License-Identifier: Apache-2.0
#include "core/quantize_s8/quantize.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "core/extents.hpp"
#include "core/hash.hpp"
#include "core/quantize_s8/prologue_fields.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

constexpr std::array<Extent, 2> kExtents{{{"M", "m=", Kind<Quantize>::kMaxRows, "a row index fits 32 bits"},
                                          {"K", "k=", 131071, "a GEMM that reads longer rows can overflow int32"}}};

}  // namespace

void validate(const Quantize& quantize) {
  check_extents(kExtents, std::array{quantize.m, quantize.k});
  const Prologue& prologue = quantize.prologue;
  validate(prologue);
  if (quantize.k % prologue.rotate != 0)
    throw UsageError(fmt::format("K = {} is no multiple of rotate={}", quantize.k, prologue.rotate),
                     "give a group that divides K, or leave rotate out");
  if (prologue.head != 0 && quantize.k % prologue.head != 0)
    throw UsageError(fmt::format("K = {} is no multiple of head={}", quantize.k, prologue.head), "give whole heads");
  if (prologue.split >= quantize.k)
    throw UsageError(fmt::format("split = {} is beyond the {} columns", prologue.split, quantize.k),
                     "give the first column of the second buffer, or leave it out");
}

std::string Kind<Quantize>::format(const Quantize& quantize) {
  return fmt::format("m={},{}", quantize.m, format_layer(quantize));
}

std::string Kind<Quantize>::format_layer(const Quantize& quantize) {
  std::string text = fmt::format("k={}", quantize.k);
  if (!(quantize.prologue == Prologue{})) text += "," + ditune::format(quantize.prologue);
  return text;
}

Quantize Kind<Quantize>::parse(std::string_view text) {
  std::array<std::int64_t, 2> sizes{};
  const std::string prologue = parse_extents(text, kExtents, sizes);
  Quantize quantize{.m = sizes[0], .k = sizes[1]};
  if (!prologue.empty()) quantize.prologue = parse_prologue(prologue);
  return quantize;
}

Quantize Kind<Quantize>::parse_layer(std::string_view text) { return parse(fmt::format("m=1,{}", text)); }

std::weak_ordering Kind<Quantize>::compare_layers(const Quantize& a, const Quantize& b) {
  if (a.k != b.k) return a.k <=> b.k;
  if (a.prologue == b.prologue) return std::weak_ordering::equivalent;
  return ditune::format(a.prologue) <=> ditune::format(b.prologue);
}

double Kind<Quantize>::work(const Quantize& quantize) {
  return static_cast<double>(quantize.m) * static_cast<double>(quantize.k);
}

double Kind<Quantize>::distance(const Quantize& a, const Quantize& b) {
  const auto apart = [](std::int64_t p, std::int64_t q) {
    return std::abs(std::log(static_cast<double>(p) / static_cast<double>(q)));
  };
  return apart(a.m, b.m) + apart(a.k, b.k);
}

std::uint64_t Kind<Quantize>::hash(const Quantize& quantize) noexcept {
  return mix(mix(mix(1, static_cast<std::uint64_t>(quantize.m)), static_cast<std::uint64_t>(quantize.k)),
             index_of(quantize.prologue));
}

QuantizeArgs Operands<Quantize>::packed(const Quantize& quantize) {
  const Prologue& prologue = quantize.prologue;
  QuantizeArgs args{};
  args.m = quantize.m, args.k = quantize.k;
  args.ldx = first_columns(prologue, quantize.k), args.ldx2 = second_columns(prologue, quantize.k);
  args.ldy = args.ldh = args.ldt = args.ldq = quantize.k;
  args.tables = args.positions = 1;
  if (has_table(prologue) && prologue.table != ModulationTable::all) {
    args.rows_per_image = (quantize.m + 1) / 2;  // two images; three kinds of tokens
    args.tables = prologue.table == ModulationTable::image ? 2 : 3;
  }
  if (prologue.rope != Rope::none) args.positions = (quantize.m + 1) / 2;  // two images
  args.ldr = prologue.head;
  args.eps = 1e-6F;
  return args;
}

}  // namespace ditune
