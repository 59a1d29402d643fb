// SPDX-License-Identifier: Apache-2.0
// Where a launch's operands lie: whether it writes where it reads. For the host alone: the library's and the exported
// header's; C++17.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"

namespace ditune {

// Rows of an operand in memory, in bytes.
struct OperandRows {
  const char* name;
  const void* data;
  unsigned long long count, width, pitch;

  unsigned long long begin() const { return reinterpret_cast<unsigned long long>(data); }
  unsigned long long bytes() const { return (count - 1) * pitch + width; }  // below 2^64 for a legal problem and pitch
  unsigned long long end() const { return begin() + bytes(); }
  bool wraps() const { return bytes() > ~begin(); }
};

// Rows of one pitch may lie between one another.
inline bool overlap(const OperandRows& a, const OperandRows& b) {
  if (a.end() <= b.begin() || b.end() <= a.begin()) return false;
  if (a.pitch != b.pitch || a.count == 1 || b.count == 1) return true;
  const unsigned long long apart = (b.begin() % a.pitch + a.pitch - a.begin() % a.pitch) % a.pitch;
  return apart < a.width || a.pitch - apart < b.width;
}

// No operand: nothing is wrong. It shares a byte with the other one, or without one ends behind the last address.
struct MemoryFault {
  const char* operand;
  const char* other;
};

// Whether y or the workspace of so many bytes shares a byte with anything else. Null pointers share none.
inline MemoryFault find_memory_fault(const Epilogue& epilogue, const GemmArgs& args, long long workspace_bytes) {
  const auto rows = [](const char* name, const void* data, long long count, long long width, long long pitch) {
    return OperandRows{name, data, static_cast<unsigned long long>(count), static_cast<unsigned long long>(width),
                       static_cast<unsigned long long>(pitch)};
  };
  const auto vector = [&](const char* name, const void* data, long long bytes) {
    return rows(name, data, 1, bytes, bytes);
  };
  const long long y_bytes = output_bytes(epilogue.out);
  const OperandRows y = rows("y", args.y, args.m, args.n * y_bytes, args.ldy * y_bytes);
  const OperandRows workspace = vector("workspace", args.workspace, workspace_bytes);
  const OperandRows inputs[] = {
      rows("x", args.x, args.m, args.k, args.ldx),
      rows("w", args.w, args.n, args.k, args.ldw),
      vector("sx", args.sx, 4 * (epilogue.sx == ScaleX::token ? args.m : 1)),
      vector("sw", args.sw, 4 * (epilogue.sw == ScaleW::channel ? args.n : 1)),
      vector("bias", args.bias, (epilogue.bias == Bias::f32 ? 4 : 2) * args.n),
  };
  for (const OperandRows& operand : {y, workspace, inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]})
    if (operand.wraps()) return {operand.name, nullptr};
  const auto both = [](const OperandRows& a, const OperandRows& b) { return a.data && b.data && overlap(a, b); };
  for (const OperandRows& input : inputs)
    if (both(y, input)) return {y.name, input.name};
  if (workspace_bytes == 0) return {nullptr, nullptr};
  if (both(workspace, y)) return {workspace.name, y.name};
  for (const OperandRows& input : inputs)
    if (both(workspace, input)) return {workspace.name, input.name};
  return {nullptr, nullptr};
}

}  // namespace ditune
