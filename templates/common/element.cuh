// SPDX-License-Identifier: Apache-2.0
// The types of operands' elements. Shared by host and device; C++17.
#pragma once

#include "host_device.cuh"

namespace ditune {

enum class Element : unsigned char { s8, bf16, f16, f32, s32 };

DITUNE_HOST_DEVICE int element_bytes(Element type) {
  return type == Element::s8 ? 1 : type == Element::bf16 || type == Element::f16 ? 2 : 4;
}

}  // namespace ditune
