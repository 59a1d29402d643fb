// SPDX-License-Identifier: Apache-2.0
// What kernels of the kind quantize_s8 take by value. Shared by host and device; C++17.
#pragma once

#include "host_device.cuh"

namespace ditune {

// Every pointer is aligned to 16 bytes. Strides count elements, not bytes. What the prologue does not name is null.
struct QuantizeArgs {
  const void* x;     // [M, first_columns], row stride ldx, of the input type
  const void* x2;    // [M, second_columns], row stride ldx2
  const void* y;     // [M, K], row stride ldy: the branch that is added
  void* h;           // [M, K], row stride ldh: x with the branch; exactly x or apart from it
  const void* g;     // [tables, K], row stride ldt, of the parameters' type
  const void* s;     // the same
  const void* t;     // the same
  const int* index;  // [M], each from 0 to tables - 1
  const void* w1;    // [K], of the parameters' type: weight of the branch's norm
  const void* w;     // [K]
  const void* b;     // [K]
  const void* c;     // [K]
  void* q;           // [M, K], row stride ldq: int8, or of the output type
  float* scale;      // [M], written; or one value, read
  const float* r;    // [positions, head], row stride ldr: cosine and sine of each pair's angle, in turns
  long long m, k;
  long long ldx, ldx2, ldy, ldh, ldt, ldq, ldr;
  long long tables;          // rows of g, s and t
  long long rows_per_image;  // of ModulationTable::image; tables * rows_per_image is M or more
  long long positions;       // rows of r: row m of X has row m % positions
  float eps;                 // of the norms
};

}  // namespace ditune
