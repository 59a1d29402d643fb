// SPDX-License-Identifier: Apache-2.0
// A toy kind: rows in, the same rows out.
#pragma once

#include <cstdint>

#include "copy_args.cuh"

namespace ditune {

struct Copy {
  std::int64_t m = 0, k = 0;
  CopyType type = CopyType::s8;
  bool operator==(const Copy&) const = default;
};

void validate(const Copy& copy);

}  // namespace ditune
