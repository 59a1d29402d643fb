// SPDX-License-Identifier: Apache-2.0
#include "core/gemm_s8/gemm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "core/extents.hpp"
#include "core/gemm_s8/epilogue_fields.hpp"
#include "core/hash.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

constexpr std::array<Extent, 3> kExtents{{{"M", "m=", kMaxExtent, "a row index fits 32 bits"},
                                          {"N", "n=", kMaxExtent, "a column index fits 32 bits"},
                                          {"K", "k=", kMaxK, "longer sums can overflow int32"}}};

// Of a problem whose sizes are numbers, the first that 64 bits do not hold.
void refuse_huge_extent(std::string_view text) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  if (std::ranges::count(text, 'x') + 1 != std::ssize(kExtents) || !text::are_extents_too_large(text, kHuge)) return;
  for (const Extent& extent : kExtents) {
    const std::string_view part = text.substr(0, text.find('x'));
    if (text::is_too_large(part, kHuge)) refuse(extent, part, "too large");
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
}

}  // namespace

void validate(const Gemm& gemm) {
  check_extents(kExtents, std::array{gemm.m, gemm.n, gemm.k});
  validate(gemm.epilogue);
  if (gemm.epilogue.op == EpilogueOp::swiglu && gemm.n % 2 != 0)
    throw UsageError(fmt::format("N = {} is odd", gemm.n), "swiglu takes pairs of rows of W");
  if (gemm.epilogue.from >= gemm.n)
    throw UsageError(fmt::format("from = {} is beyond the {} columns", gemm.epilogue.from, gemm.n),
                     "give the first column of the op, or no op");
}

void interleave(std::span<const std::byte> gate, std::span<const std::byte> up, std::span<std::byte> both,
                std::size_t row_bytes) {
  if (row_bytes == 0 || gate.size() != up.size() || gate.size() % row_bytes != 0 || both.size() != 2 * gate.size())
    throw UsageError(fmt::format("{} bytes of gate, {} of up and {} of both in rows of {}", gate.size(), up.size(),
                                 both.size(), row_bytes),
                     "give gate and up as many rows, and both as many as the two");
  const auto is_apart = [&](std::span<const std::byte> from) {
    const std::less_equal<> before;  // of pointers into different arrays, too
    return before(from.data() + from.size(), both.data()) || before(both.data() + both.size(), from.data());
  };
  if (!is_apart(gate) || !is_apart(up)) throw UsageError("both overlaps gate or up", "give it memory of its own");
  for (std::size_t from = 0; from < gate.size(); from += row_bytes) {
    std::ranges::copy(gate.subspan(from, row_bytes), both.begin() + static_cast<std::ptrdiff_t>(2 * from));
    std::ranges::copy(up.subspan(from, row_bytes), both.begin() + static_cast<std::ptrdiff_t>(2 * from + row_bytes));
  }
}

std::string format_shape(const Gemm& gemm) { return fmt::format("{}x{}x{}", gemm.m, gemm.n, gemm.k); }

Gemm parse_shape(std::string_view text) {
  refuse_huge_extent(text);
  std::array<std::int64_t, 3> extents{};
  if (!text::parse_extents(text, std::numeric_limits<std::int64_t>::max(), extents))
    throw UsageError(fmt::format("'{}' is not a problem", text), "write MxNxK in digits, like 4096x13824x4608");
  const Gemm gemm{.m = extents[0], .n = extents[1], .k = extents[2]};
  validate(gemm);
  return gemm;
}

std::string Kind<Gemm>::format(const Gemm& gemm) { return fmt::format("m={},{}", gemm.m, format_layer(gemm)); }

std::string Kind<Gemm>::format_layer(const Gemm& gemm) {
  std::string text = fmt::format("n={},k={}", gemm.n, gemm.k);
  if (!(gemm.epilogue == Epilogue{})) text += "," + ditune::format(gemm.epilogue);
  return text;
}

Gemm Kind<Gemm>::parse_layer(std::string_view text) { return parse(fmt::format("m=1,{}", text)); }

std::weak_ordering Kind<Gemm>::compare_layers(const Gemm& a, const Gemm& b) {
  if (const auto sizes = std::tie(a.n, a.k) <=> std::tie(b.n, b.k); std::is_neq(sizes)) return sizes;
  if (a.epilogue == b.epilogue) return std::weak_ordering::equivalent;
  return ditune::format(a.epilogue) <=> ditune::format(b.epilogue);
}

Gemm Kind<Gemm>::parse(std::string_view text) {
  std::array<std::int64_t, 3> sizes{};
  const std::string epilogue = parse_extents(text, kExtents, sizes);
  Gemm gemm{.m = sizes[0], .n = sizes[1], .k = sizes[2]};
  if (!epilogue.empty()) gemm.epilogue = parse_epilogue(epilogue);
  return gemm;
}

double Kind<Gemm>::work(const Gemm& gemm) {
  return 2.0 * static_cast<double>(gemm.m) * static_cast<double>(gemm.n) * static_cast<double>(gemm.k);
}

double Kind<Gemm>::distance(const Gemm& a, const Gemm& b) {
  const auto apart = [](std::int64_t p, std::int64_t q) {
    return std::abs(std::log(static_cast<double>(p) / static_cast<double>(q)));
  };
  return apart(a.m, b.m) + apart(a.n, b.n) + apart(a.k, b.k);
}

std::uint64_t Kind<Gemm>::hash(const Gemm& gemm) noexcept {
  const std::uint64_t extents = static_cast<std::uint64_t>(gemm.n) << 32 | static_cast<std::uint64_t>(gemm.k);
  return mix(mix(mix(0, static_cast<std::uint64_t>(gemm.m)), extents), index_of(gemm.epilogue));
}

FusedGemmArgs Operands<Gemm>::packed(const Gemm& gemm) {
  FusedGemmArgs args{};
  args.m = gemm.m, args.n = gemm.n, args.k = gemm.k;
  args.ldx = args.ldw = gemm.k, args.ldy = args.ldr = args.ldg = output_columns(gemm);
  if (gemm.epilogue.gate == Gate::table || gemm.epilogue.gate == Gate::index) {
    args.rows_per_gate = (gemm.m + 1) / 2;  // two images; three kinds of tokens
    args.gates = gemm.epilogue.gate == Gate::table ? 2 : 3;
  }
  return args;
}

}  // namespace ditune
