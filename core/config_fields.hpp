// SPDX-License-Identifier: Apache-2.0
// The fields of every family.
#pragma once

#include "core/gemm_s8/mma_s8_fields.hpp"
#include "core/gemm_s8/wgmma_s8_fields.hpp"
#include "core/quantize_s8/passes_s8_fields.hpp"
#include "core/quantize_s8/registers_s8_fields.hpp"
#include "core/quantize_s8/staged_s8_fields.hpp"
