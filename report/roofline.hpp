// SPDX-License-Identifier: Apache-2.0
// What every layer reaches beside what the card could: operations a second over operations a byte.
#pragma once

#include <span>

#include "report/layer_times.hpp"
#include "report/plot.hpp"

namespace ditune::report {

// What a card could do.
struct Limits {
  double clock_mhz = 0, tops = 0;                    // int8, of the tensor cores at the datasheet's boost clock
  double measured_clock_mhz = 0, measured_tops = 0;  // at the clock that was measured; 0: unknown
  double gbps = 0;                                   // of DRAM, nominal
};

// The measured clock is 0 if it is unknown.
Limits limits_of(const DeviceInfo& device, double measured_clock_mhz);

// The median SM clock of the measured winners of this device; 0: unknown.
double measured_clock_mhz(const Rows& rows);

struct RooflinePoint {
  std::string name, kind;
  double intensity = 0, tops = 0;  // operations a byte that is read or written once; 10^12 operations a second
  double share = 0;                // of what the limits allow there, at the measured clock if it is known
  bool measured = false;
  int series = 0;  // the colour of its kind
};
RooflinePoint roofline_point(const LayerTime& time, const Limits& limits);

Plot roofline(std::span<const RooflinePoint> points, const Limits& limits);

}  // namespace ditune::report
