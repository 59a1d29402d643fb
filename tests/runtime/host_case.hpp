// SPDX-License-Identifier: Apache-2.0
// Operands of any operation in host memory: random inputs in rows with gaps, outputs that are filled with one byte.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/operands.hpp"
#include "emulation/numbers.hpp"

namespace ditune::test {

template <class Op>
class HostCase {
 public:
  // Pointers are aligned to their elements and to no more.
  explicit HostCase(const Op& op, unsigned seed = 1, std::int64_t gap = 3) : op_(op), engine_(seed) {
    Arguments arguments = Operands<Op>::packed(op);
    for (const Operand& operand : operands_of(op, arguments))
      if (operand.extents.stride_name) set_stride(arguments, operand, operand.extents.columns + gap);
    for (const Operand& operand : operands_of(op, arguments)) {
      if (!operand.is_present) continue;
      const auto size = static_cast<std::size_t>(element_bytes(operand.type));
      std::vector<std::byte>& memory =
          memory_.emplace_back(static_cast<std::size_t>(operand.bytes()) + size, kUntouched);
      if (operand.role == Role::input || operand.fill == Fill::scale)
        for (std::size_t i = size; i < memory.size(); i += size) fill(&memory[i], operand);
      set_pointer(arguments, operand, memory.data() + size);
    }
    args = std::get<ArgsOf<Op>>(arguments);
  }

  ArgsOf<Op> args;
  const Op& operation() const { return op_; }

  // What lies in the outputs, rows without gaps; and what lies between the rows.
  Outputs outputs() const {
    Outputs all;
    each_row([&](std::size_t output, std::span<const std::byte> row, std::span<const std::byte>) {
      all.resize(std::max(all.size(), output + 1));
      all[output].insert(all[output].end(), row.begin(), row.end());
    });
    return all;
  }
  bool has_kept_gaps() const {
    bool kept = true;
    each_row([&](std::size_t, std::span<const std::byte>, std::span<const std::byte> gap) {
      kept &= std::ranges::all_of(gap, [](std::byte b) { return b == kUntouched; });
    });
    return kept;
  }
  bool is_untouched() const {
    return std::ranges::all_of(outputs(), [](const std::vector<std::byte>& output) {
      return std::ranges::all_of(output, [](std::byte b) { return b == kUntouched; });
    });
  }

 private:
  static constexpr std::byte kUntouched{0xa5};

  void fill(std::byte* at, const Operand& operand) {
    std::normal_distribution<float> gaussian;
    const float value = operand.fill == Fill::scale ? 0x1p-7F * (1 + gaussian(engine_) / 8) : gaussian(engine_);
    unsigned bits = emulation::bits_of(value);
    if (operand.type == Element::s8) bits = static_cast<unsigned>(engine_());
    if (operand.type == Element::s32) bits = static_cast<unsigned>(engine_() % static_cast<unsigned>(operand.below));
    if (operand.type == Element::bf16) bits = emulation::bf16_from_float(value);
    if (operand.type == Element::f16) bits = emulation::f16_from_float(value);
    std::memcpy(at, &bits, static_cast<std::size_t>(element_bytes(operand.type)));  // little-endian
  }

  // visit(number of the output, a row, the gap behind it)
  template <class Visit>
  void each_row(Visit visit) const {
    std::size_t output = 0;
    for (const Operand& operand : operands_of(op_, args)) {
      if (!operand.is_present || operand.role != Role::output) continue;
      const auto* const data = static_cast<const std::byte*>(operand.data);
      const std::size_t bytes = operand.row_bytes(), pitch = operand.pitch();
      for (std::size_t row = 0; row < operand.rows(); ++row)
        visit(output, std::span(data + row * pitch, bytes),
              std::span(data + row * pitch + bytes, row + 1 < operand.rows() ? pitch - bytes : 0));
      ++output;
    }
  }

  Op op_;
  std::mt19937 engine_;
  std::list<std::vector<std::byte>> memory_;
};

}  // namespace ditune::test
