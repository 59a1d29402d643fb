// SPDX-License-Identifier: Apache-2.0
// What every kind brings to verification.
#pragma once

#include "tuner/verify/gemm_s8/verification.hpp"
#include "tuner/verify/quantize_s8/verification.hpp"
