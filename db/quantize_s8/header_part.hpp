// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 in an exported header.
#pragma once

#include "db/header_part.hpp"

namespace ditune {

template <>
struct HeaderOf<Quantize> {
  static HeaderPart part(std::span<const HeaderRow> rows, Embed embed, HeaderConfigs& configs, HeaderKernels& kernels);
};

}  // namespace ditune
