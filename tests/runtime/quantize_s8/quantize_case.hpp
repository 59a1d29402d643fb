// SPDX-License-Identifier: Apache-2.0
// Operands of quantize_s8 in host memory, of random or given values, for the plain loop and for the reference.
#pragma once

#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/quantize_s8/quantize.hpp"
#include "emulation/numbers.hpp"
#include "runtime/quantize_s8/plain_quantize.hpp"

namespace ditune::test {

inline float from_bytes(const std::byte* at, Element type) {
  unsigned bits = 0;
  std::memcpy(&bits, at, static_cast<std::size_t>(element_bytes(type)));  // little-endian
  switch (type) {
    case Element::s8:
      return static_cast<signed char>(bits);
    case Element::bf16:
      return emulation::float_of(bits << 16);
    case Element::f16:
      return emulation::float_from_f16(static_cast<unsigned short>(bits));
    default:
      return emulation::float_of(bits);
  }
}

inline void to_bytes(std::byte* at, Element type, float v) {
  const unsigned bits = type == Element::bf16  ? emulation::bf16_from_float(v)
                        : type == Element::f16 ? emulation::f16_from_float(v)
                                               : emulation::bits_of(v);
  std::memcpy(at, &bits, static_cast<std::size_t>(element_bytes(type)));
}

inline std::vector<float> floats(const std::vector<std::byte>& bytes, Element type) {
  const auto size = static_cast<std::size_t>(element_bytes(type));
  std::vector<float> values(bytes.size() / size);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = from_bytes(&bytes[i * size], type);
  return values;
}

// What came out, as floats.
struct Quantized {
  std::vector<float> h, q, scale;
};

class QuantizeCase {
 public:
  // Random operands in rows of one element more than they need: Gaussian values, indices, a scale of 2^-5.
  explicit QuantizeCase(const Quantize& operation, unsigned seed = 1) : operation_(operation) {
    validate(operation);
    args = Operands<Quantize>::packed(operation);
    args.ldx += 1, args.ldx2 += 1, args.ldy += 1, args.ldt += 1, args.ldr += 1;
    std::mt19937 engine(seed);
    std::normal_distribution<float> gaussian;
    Arguments arguments = args;
    for (const Operand& operand : quantize_operands(operation.prologue, args)) {
      if (!operand.is_present || operand.role != Role::input) continue;
      std::vector<std::byte>& memory = memory_[operand.name];
      memory.resize(static_cast<std::size_t>(operand.extents.rows * pitch(operand) * element_bytes(operand.type)));
      for (std::size_t i = 0; i < memory.size(); i += static_cast<std::size_t>(element_bytes(operand.type))) {
        if (operand.type == Element::s32) {
          const int index = static_cast<int>(engine() % static_cast<unsigned>(operand.below));
          std::memcpy(&memory[i], &index, sizeof index);
        } else {
          to_bytes(&memory[i], operand.type, operand.fill == Fill::scale ? 0x1p-5F : gaussian(engine));
        }
      }
      set_pointer(arguments, operand, memory.data());
    }
    args = std::get<QuantizeArgs>(arguments);
  }

  QuantizeArgs args;  // outputs are null

  const Quantize& operation() const { return operation_; }
  const Prologue& prologue() const { return operation_.prologue; }

  float get(const std::string& name, std::int64_t row, std::int64_t column) const {
    const Operand operand = find(name);
    return from_bytes(static_cast<const std::byte*>(operand.data) + offset(operand, row, column), operand.type);
  }
  void set(const std::string& name, std::int64_t row, std::int64_t column, float v) {
    const Operand operand = find(name);
    to_bytes(&memory_.at(name)[offset(operand, row, column)], operand.type, v);
  }
  void set_row(const std::string& name, const std::vector<float>& values, std::int64_t row = 0) {
    for (std::size_t k = 0; k < values.size(); ++k) set(name, row, static_cast<std::int64_t>(k), values[k]);
  }
  std::vector<std::byte>& memory(const std::string& name) { return memory_.at(name); }
  int index(std::int64_t row) const { return args.index[row]; }

  Outputs run() const { return plain_quantize(args, prologue()); }

  Quantized quantized() const { return quantized(run()); }
  Quantized quantized(const Outputs& outputs) const {
    Quantized values;
    std::size_t next = 0;
    for (const Operand& operand : quantize_operands(prologue(), args)) {
      if (!operand.is_present || operand.role != Role::output) continue;
      const std::string name = operand.name;
      (name == "h" ? values.h : name == "q" ? values.q : values.scale) = floats(outputs.at(next++), operand.type);
    }
    return values;
  }

 private:
  static std::int64_t pitch(const Operand& operand) {
    return operand.extents.stride_name ? operand.extents.stride : operand.extents.columns;
  }
  Operand find(const std::string& name) const {
    for (const Operand& operand : quantize_operands(prologue(), args))
      if (operand.name == name) return operand;
    throw std::out_of_range(name);
  }
  static std::size_t offset(const Operand& operand, std::int64_t row, std::int64_t column) {
    return static_cast<std::size_t>((row * pitch(operand) + column) * element_bytes(operand.type));
  }

  Quantize operation_;
  std::map<std::string, std::vector<std::byte>> memory_;
};

}  // namespace ditune::test
