// SPDX-License-Identifier: Apache-2.0
// The fields of every family.
#pragma once

#include "core/mma_s8_fields.hpp"
#include "core/wgmma_s8_fields.hpp"
