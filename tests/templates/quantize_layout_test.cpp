// SPDX-License-Identifier: Apache-2.0
#include "quantize_layout.cuh"

#include <set>

#include "catch.hpp"

using namespace ditune;

namespace {

constexpr int kWarp = 32;

int octet_of(int lane, int index, int unit) { return octet_of_lane(lane, unit) + octet_of_unit(index, unit); }

}  // namespace

TEST_CASE("a warp's lanes have each octet of its units once, and none has a bit of both") {
  for (const int unit : {1, 2, 4}) {
    std::set<int> octets;
    for (int lane = 0; lane < kWarp; ++lane)
      for (int index = 0; index < unit; ++index) {
        CHECK((octet_of_lane(lane, unit) & octet_of_unit(index, unit)) == 0);
        octets.insert(octet_of(lane, index, unit));
      }
    CHECK(octets.size() == static_cast<std::size_t>(kWarp * unit));
    CHECK(*octets.rbegin() == kWarp * unit - 1);
  }
}

TEST_CASE("of a digit to base 4 of a rotated column, a thread has both values of the lower bit") {
  for (const int group : {16, 64, 256}) {
    const int unit = unit_of(group);
    for (int digit = 1, bit = 1; 16 << (2 * digit - 2) < group; ++digit, bit *= 2) {
      const int lower = 2 << (2 * digit - 2);  // in an octet's index: that of columns 16, 64
      CHECK(octet_of_unit(bit, unit) == lower);
      CHECK(octet_of_lane(2 * bit, unit) == 2 * lower);  // the higher one is a bit of the lane
    }
    CHECK(octet_of_lane(kWarp - 1, unit) + octet_of_unit(unit - 1, unit) == kWarp * unit - 1);
  }
}
