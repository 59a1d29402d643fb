// SPDX-License-Identifier: Apache-2.0
// What every kind brings to core.
#pragma once

#include "core/gemm_s8/gemm.hpp"
#include "core/quantize_s8/quantize.hpp"
