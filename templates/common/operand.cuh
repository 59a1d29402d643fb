// SPDX-License-Identifier: Apache-2.0
// What an operation makes of one pointer of its kernels' arguments: a row of its kind's table, KIND_operands.cuh. And
// where operands lie: whether a launch writes where it reads. The library's and the exported header's; C++17.
#pragma once

#include "element.cuh"

namespace ditune {

enum class Role : unsigned char { input, output, scratch };  // scratch: all zero before a launch and after it

// What a test fills it with: rows of the left and of the right factor of a product, whose extreme values are made for
// one another; factors of either sign; terms of a sum.
enum class Fill : unsigned char { none, left, right, scale, addend };

// Of the pointer, and of its stride, in the struct of the arguments. One byte is enough for a struct of 32 values.
struct OperandOffsets {
  unsigned char data, stride;
};

struct OperandExtents {
  long long rows, columns, stride;  // elements
  const char* stride_name;          // "ldx"; null: rows without gaps, whose stride is no argument
};

struct Operand {
  const char* name;  // "x"
  Role role;
  Element type;
  Fill fill;
  bool is_present;  // whether a launch takes it; else its pointer is null. A scratch's may then be anything
  OperandExtents extents;
  const void* data;
  OperandOffsets at;
  unsigned may_be;  // bit i: this output may be exactly row i of the table, at the same address with the same stride
  const char* if_wrong;  // what an exported header says where it is missing, or given and not taken

  constexpr unsigned long long rows() const { return static_cast<unsigned long long>(extents.rows); }
  constexpr unsigned long long row_bytes() const { return size(extents.columns); }
  constexpr unsigned long long pitch() const { return size(extents.stride); }  // bytes from row to row
  // From the first byte to the last: below 2^64 for legal extents and strides.
  constexpr unsigned long long bytes() const { return is_present ? (rows() - 1) * pitch() + row_bytes() : 0; }

 private:
  constexpr unsigned long long size(long long elements) const {
    return static_cast<unsigned long long>(elements) * static_cast<unsigned long long>(element_bytes(type));
  }
};

constexpr OperandExtents vector_of(long long count) { return {1, count, count, nullptr}; }

// No operand: nothing is wrong. It shares a byte with the other one, or without one ends behind the last address.
struct MemoryFault {
  const char* operand;
  const char* other;
};

namespace operand_memory {

inline unsigned long long begin(const Operand& o) { return reinterpret_cast<unsigned long long>(o.data); }
inline unsigned long long end(const Operand& o) { return begin(o) + o.bytes(); }
inline bool wraps(const Operand& o) { return o.bytes() > ~begin(o); }

// Rows of one pitch may lie between one another. Null pointers share nothing.
inline bool overlap(const Operand& a, const Operand& b) {
  if (!a.is_present || !b.is_present || !a.data || !b.data || end(a) <= begin(b) || end(b) <= begin(a)) return false;
  if (a.pitch() != b.pitch() || a.rows() == 1 || b.rows() == 1) return true;
  const unsigned long long apart = (begin(b) % a.pitch() + a.pitch() - begin(a) % a.pitch()) % a.pitch();
  return apart < a.row_bytes() || a.pitch() - apart < b.row_bytes();
}

inline bool is_in_place(const Operand& output, const Operand& input, int index) {
  return (output.may_be >> index & 1) != 0 && output.data == input.data && output.pitch() == input.pitch() &&
         output.row_bytes() == input.row_bytes();
}

}  // namespace operand_memory

// Whether anything that a launch writes shares a byte with anything else, unless a row allows it.
inline MemoryFault find_memory_fault(const Operand* rows, int count) {
  for (const bool written : {true, false})
    for (int i = 0; i < count; ++i)
      if (rows[i].is_present && (rows[i].role != Role::input) == written && operand_memory::wraps(rows[i]))
        return {rows[i].name, nullptr};
  for (int i = 0; i < count; ++i) {
    if (rows[i].role == Role::input) continue;
    for (int j = 0; j < i; ++j)  // what is written, each pair once
      if (rows[j].role != Role::input && operand_memory::overlap(rows[i], rows[j])) return {rows[i].name, rows[j].name};
    for (int j = 0; j < count; ++j)
      if (rows[j].role == Role::input && !operand_memory::is_in_place(rows[i], rows[j], j) &&
          operand_memory::overlap(rows[i], rows[j]))
        return {rows[i].name, rows[j].name};
  }
  return {nullptr, nullptr};
}

}  // namespace ditune
