// SPDX-License-Identifier: Apache-2.0
// Marks the pure functions that host and device share. C++17, no includes.
#pragma once

#ifdef __CUDACC__
#define DITUNE_HOST_DEVICE __host__ __device__ constexpr
#else
#define DITUNE_HOST_DEVICE constexpr
#endif
