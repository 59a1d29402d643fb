// SPDX-License-Identifier: Apache-2.0
// What an operation makes of one pointer of its kernels' arguments: a row of its kind's table, KIND_operands.cuh. And
// where operands lie: whether a launch writes where it reads. The library's and the exported header's; C++17.
#pragma once

#include "element.cuh"

namespace ditune {

inline constexpr int kPointerAlignment = 16;  // bytes, of every pointer that a launch takes

enum class Role : unsigned char { input, output, scratch };  // scratch: all zero before a launch and after it

// What a test fills it with: rows of the left and of the right factor of a product, whose extreme values are made for
// one another; factors of either sign; terms of a sum; whole numbers from 0 to `below`.
enum class Fill : unsigned char { none, left, right, scale, addend, index };

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
  long long below;  // of Fill::index
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

// Where an operand lies; nowhere if it is not there.
struct Place {
  unsigned long long begin, end;
};

inline Place place_of(const Operand& o) {
  const unsigned long long begin = reinterpret_cast<unsigned long long>(o.data);
  return o.is_present && o.data ? Place{begin, begin + o.bytes()} : Place{0, 0};
}

// Of two whose first and last bytes enclose common ones: rows of one pitch may lie between one another.
inline bool share_bytes(const Operand& a, const Operand& b) {
  const unsigned long long pitch = a.pitch();
  if (pitch != b.pitch() || a.extents.rows == 1 || b.extents.rows == 1) return true;
  const unsigned long long apart = (place_of(b).begin % pitch + pitch - place_of(a).begin % pitch) % pitch;
  return apart < a.row_bytes() || pitch - apart < b.row_bytes();
}

inline bool is_in_place(const Operand& output, const Operand& input, int index) {
  return (output.may_be >> index & 1) != 0 && output.data == input.data && output.bytes() == input.bytes() &&
         output.pitch() == input.pitch();
}

inline bool is_near(const Place& a, const Place& b) { return a.begin < b.end && b.begin < a.end; }

// What ends behind the last address: of what is written, then of what is read.
inline MemoryFault find_wrapping(const Operand* rows, int count) {
  for (const bool read : {false, true}) {
    for (int i = 0; i < count; ++i) {
      const Place place = place_of(rows[i]);
      if ((rows[i].role == Role::input) == read && place.end < place.begin) return {rows[i].name, nullptr};
    }
  }
  return {nullptr, nullptr};
}

// The first that output i shares a byte with though it may not: of what is written, each pair once, then of what is
// read.
inline MemoryFault find_shared(const Operand* rows, int count, int i) {
  for (const bool read : {false, true}) {
    for (int j = 0; j < (read ? count : i); ++j) {
      if ((rows[j].role == Role::input) == read && is_near(place_of(rows[i]), place_of(rows[j])) &&
          share_bytes(rows[i], rows[j]) && !is_in_place(rows[i], rows[j], j))
        return {rows[i].name, rows[j].name};
    }
  }
  return {nullptr, nullptr};
}

}  // namespace operand_memory

// Of the first `count` rows: whether anything that a launch writes shares a byte with anything else, unless a row
// allows it. Of several faults what is written is named first. Every launch comes here: a fault is looked for only
// where first and last bytes tell of one.
template <int N>
MemoryFault find_memory_fault(const Operand (&rows)[N], int count) {
  using namespace operand_memory;
  Place places[N];
  bool wraps = false;
  for (int i = 0; i < count; ++i) {
    places[i] = place_of(rows[i]);
    wraps |= places[i].end < places[i].begin;
  }
  if (wraps) return find_wrapping(rows, count);
  for (int i = 0; i < count; ++i) {
    if (rows[i].role == Role::input || places[i].end == 0) continue;
    int near = -1;  // it is near itself
    for (int j = 0; j < count; ++j) near += is_near(places[i], places[j]);
    if (near == 0) continue;
    if (const MemoryFault fault = find_shared(rows, count, i); fault.operand) return fault;
  }
  return {nullptr, nullptr};
}

}  // namespace ditune
