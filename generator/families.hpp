// SPDX-License-Identifier: Apache-2.0
// What every kind and family brings to the generator.
#pragma once

#include "generator/gemm_s8/fallback.hpp"
#include "generator/gemm_s8/mma_s8.hpp"
#include "generator/gemm_s8/wgmma_s8.hpp"
#include "generator/quantize_s8/passes_s8.hpp"
#include "generator/quantize_s8/registers_s8.hpp"
#include "generator/quantize_s8/staged_s8.hpp"
