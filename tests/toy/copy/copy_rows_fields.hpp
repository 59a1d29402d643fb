// SPDX-License-Identifier: Apache-2.0
// The fields of the family copy_rows.
#pragma once

#include "copy_rows_config.cuh"
#include "core/fields.hpp"

namespace ditune {

template <>
struct Fields<CopyRowsConfig> {
  static constexpr std::string_view kFamily = "copy_rows";
  static constexpr std::array kTable{field<&CopyRowsConfig::rows>({.max = 1024, .is_required = true, .is_shape = true}),
                                     field<&CopyRowsConfig::warps>({.max = 32})};
};

}  // namespace ditune
