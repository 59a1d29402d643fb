// SPDX-License-Identifier: Apache-2.0
// What the reference of the kind quantize_s8 takes by value. Shared by host and device; C++17.
#pragma once

#include "prologue_spec.cuh"
#include "quantize_args.cuh"

namespace ditune {

struct QuantizeReferenceArgs {
  QuantizeArgs quantize;
  Prologue prologue;
};

}  // namespace ditune
