// SPDX-License-Identifier: Apache-2.0
// What every family brings to the generator.
#pragma once

#include "generator/mma_s8.hpp"
#include "generator/wgmma_s8.hpp"
