// SPDX-License-Identifier: Apache-2.0
#include "emulation/bank_conflicts.hpp"

#include "catch.hpp"

using namespace ditune::emulation;

namespace {

constexpr std::uint32_t kAll = ~0U;

// Lane l at l * step.
std::array<unsigned, kWarp> strided(unsigned step) {
  std::array<unsigned, kWarp> address{};
  for (unsigned lane = 0; lane < kWarp; ++lane) address[lane] = lane * step;
  return address;
}

void check(const Wavefronts& met, int taken, int needed) {
  CHECK(met.taken == taken);
  CHECK(met.needed == needed);
}

}  // namespace

TEST_CASE("words of one bank are served one after another, the same word at once") {
  check(wavefronts(strided(4), kAll, 4), 1, 1);
  check(wavefronts(strided(0), kAll, 4), 1, 1);
  check(wavefronts(strided(8), kAll, 4), 2, 1);
  check(wavefronts(strided(128), kAll, 4), 32, 1);
  check(wavefronts(strided(132), kAll, 4), 1, 1);
  check(wavefronts(strided(128), 0x7, 4), 3, 1);
}

TEST_CASE("wide accesses are served by halves and quarters of a warp") {
  check(wavefronts(strided(8), kAll, 8), 2, 2);
  check(wavefronts(strided(0), kAll, 8), 2, 2);
  check(wavefronts(strided(16), kAll, 16), 4, 4);
  check(wavefronts(strided(64), kAll, 16), 16, 4);   // rows of 64 bytes, as they are
  check(wavefronts(strided(128), kAll, 16), 32, 4);  // all rows begin in bank 0
  check(wavefronts(strided(144), kAll, 16), 4, 4);   // padded by 16
  check(wavefronts(strided(16), 0xff, 16), 1, 1);    // one quarter alone
}

TEST_CASE("a site's traffic is that of its warps, lanes matched by how often they came") {
  BankConflicts conflicts;
  const Site site{"shared_load", "/somewhere/a.cuh", 7}, other{"shared_store", "a.cuh", 3};
  for (const int lane : {0, 1})
    for (const unsigned row : {0U, 1U}) conflicts.record(site, 0, lane, static_cast<unsigned>(lane) * 128 + row * 4, 4);
  conflicts.record(other, 5, 0, 0, 4);
  conflicts.settle(0);
  conflicts.settle(5);
  const std::vector<SharedTraffic> traffic = conflicts.traffic();
  REQUIRE(traffic.size() == 2);
  CHECK((traffic[0].wrapper == "shared_store" && traffic[0].line == 3 && traffic[0].accesses == 1));
  CHECK((traffic[1].wrapper == "shared_load" && traffic[1].file == "a.cuh"));
  CHECK((traffic[1].accesses == 2 && traffic[1].wavefronts == 4 && traffic[1].needed == 2));
}

TEST_CASE("a lane may be ahead of the others at a site") {
  BankConflicts conflicts;
  const Site site{"shared_load", "a.cuh", 7};
  for (int lane = 0; lane < kWarp; ++lane)
    for (int time = 0; time < 3; ++time)
      conflicts.record(site, 0, lane, static_cast<unsigned>(lane) * (time == 1 ? 8 : 4), 4);
  const std::vector<SharedTraffic> traffic = conflicts.traffic();
  REQUIRE(traffic.size() == 1);
  CHECK((traffic[0].accesses == 3 && traffic[0].wavefronts == 4 && traffic[0].needed == 3));
}
