// SPDX-License-Identifier: Apache-2.0
// What every kind brings to an exported header.
#pragma once

#include "db/gemm_s8/header_part.hpp"
#include "db/quantize_s8/header_part.hpp"
