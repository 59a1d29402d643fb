// SPDX-License-Identifier: Apache-2.0
// What memory costs a launch, whatever the kernel family.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "generator/gemm_s8/gemm.hpp"

namespace ditune {

inline constexpr double kL2PortBytesPerClock = 64;  // of one SM, whatever the others do
inline constexpr double kDramEfficiency = 0.8;
inline constexpr double kL2LatencyUs = 0.5, kDramLatencyUs = 1.0;  // under load
inline constexpr double kLaunchUs = 2.5;
inline constexpr double kReductionUs = 1.5;  // where CTAs share a tile: fence, signal, waiting

// How much work on an SM overlaps with DRAM's, as overlap() has it.
inline constexpr double kWithDram = 3;

// Bytes of outputs for each column of the accumulator.
inline double output_bytes_a_column(const Epilogue& epilogue) {
  return (epilogue.op == EpilogueOp::swiglu ? 0.5 : 1.0) * output_bytes(epilogue.out);
}

// How long work takes that overlaps: the sum of the times has power 1, the maximum an infinite one.
double overlap(double a, double b, double power);

// The order in which tiles of the output are computed: `group` rows of tiles are walked together, column by column.
struct TileOrder {
  int tile_m, tile_n;
  int group;
  double at_once;  // tiles
};

// Bytes between DRAM and L2: compulsory ones, and operands that L2 did not keep until they are read again.
double dram_bytes(const GemmTarget& target, const TileOrder& order);

// Why bands of at most `group` of `rows` rows of tiles are not worth a try beside the other `groups`, of which
// `standard` is always tried; empty if they are. A wave of tiles reads least where it is as high as wide, in elements:
// `square` rows.
std::string band_objection(std::span<const int> groups, int standard, int group, std::int64_t rows, double square);

}  // namespace ditune
