// SPDX-License-Identifier: Apache-2.0
// Launches on copies of operands in host memory, and how their outputs are compared.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "core/operands.hpp"
#include "cudart.hpp"
#include "runtime/cuda.hpp"
#include "tuner/verify/verification.hpp"

namespace ditune::test {

// Whether a launch writes where it reads, wherever it may.
enum class Place { apart, in_place };

// What a launch leaves in its outputs: rows without what lies between them.
inline Outputs outputs_on_gpu(const Operation& operation, const Arguments& host, Place place,
                              const std::function<void(Arguments, const Stream&)>& launch) {
  Arguments arguments = host;
  const std::vector<Operand> operands = operands_of(operation, host);
  std::vector<DeviceBuffer> buffers(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i].is_present || operands[i].role == Role::scratch) continue;
    buffers[i] = DeviceBuffer(operands[i].bytes());
    set_pointer(arguments, operands[i], buffers[i].get());
    if (operands[i].role == Role::input)
      DITUNE_CUDA(cudaMemcpy(buffers[i].get(), operands[i].data, operands[i].bytes(), cudaMemcpyHostToDevice));
    else
      DITUNE_CUDA(cudaMemset(buffers[i].get(), 0xA5, operands[i].bytes()));
  }
  for (std::size_t i = 0; i < operands.size() && place == Place::in_place; ++i) {
    for (std::size_t j = 0; j < operands.size(); ++j) {
      const bool may_be = operands[i].is_present && (operands[i].may_be >> j & 1) != 0 && operands[j].is_present &&
                          operands[j].type == operands[i].type && operands[j].pitch() == operands[i].pitch();
      if (!may_be) continue;
      DITUNE_CUDA(cudaMemcpy(buffers[i].get(), operands[j].data, operands[j].bytes(), cudaMemcpyHostToDevice));
      set_pointer(arguments, operands[j], buffers[i].get());
    }
  }
  const Stream stream;
  launch(arguments, stream);
  stream.synchronize();
  Outputs outputs;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i].is_present || operands[i].role != Role::output) continue;
    std::vector<std::byte>& bytes = outputs.emplace_back(operands[i].rows() * operands[i].row_bytes());
    DITUNE_CUDA(cudaMemcpy2D(bytes.data(), operands[i].row_bytes(), buffers[i].get(), operands[i].pitch(),
                             operands[i].row_bytes(), operands[i].rows(), cudaMemcpyDeviceToHost));
  }
  return outputs;
}

// All ones in the exponent, not all zeros in the mantissa.
inline bool is_nan(unsigned bits, Element type) {
  if (type == Element::bf16) return (bits & 0x7fff) > 0x7f80;
  if (type == Element::f16) return (bits & 0x7fff) > 0x7c00;
  return type == Element::f32 && (bits & 0x7fffffff) > 0x7f800000;
}

// Bit for bit, but that any NaN is any other.
inline bool are_same(const Operation& operation, const Outputs& a, const Outputs& b) {
  std::size_t next = 0;
  for (const Operand& operand : operands_of(operation, arguments_of(operation))) {
    if (!operand.is_present || operand.role != Role::output) continue;
    const std::vector<std::byte>&of_a = a.at(next), &of_b = b.at(next);
    ++next;
    if (of_a.size() != of_b.size()) return false;
    const auto size = static_cast<std::size_t>(element_bytes(operand.type));
    for (std::size_t at = 0; at < of_a.size(); at += size) {
      unsigned x = 0, y = 0;
      std::memcpy(&x, &of_a[at], size), std::memcpy(&y, &of_b[at], size);  // little-endian
      if (x != y && !(is_nan(x, operand.type) && is_nan(y, operand.type))) return false;
    }
  }
  return next == a.size() && next == b.size();
}

}  // namespace ditune::test
