// SPDX-License-Identifier: Apache-2.0
// How the accesses of warps to shared memory meet its banks: 32 of 4 bytes (CUDA C++ Programming Guide, "Shared
// Memory"). An access of 4 bytes a lane is served for the whole warp at once, one of 8 for a half, one of 16 for a
// quarter; each of these takes as many wavefronts as the bank has words that most are wanted of.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "emulation/emulate.hpp"

namespace ditune::emulation {

struct Wavefronts {
  int taken = 0;
  int needed = 0;  // by as many bytes without a conflict
};

// Of one access of a warp: lane l accesses `bytes` bytes at address[l] where bit l of `active` is set.
Wavefronts wavefronts(const std::array<unsigned, kWarp>& address, std::uint32_t active, unsigned bytes);

// Lanes run one after another here: the n-th access of each lane at a site is taken for the warp's n-th.
class BankConflicts {
 public:
  // `warp`: a small number that tells warps apart until it is settled.
  void record(const Site& site, int warp, int lane, unsigned address, unsigned bytes);
  // The lanes of the warp have met: what some of them have not done they will not do.
  void settle(int warp);

  std::vector<SharedTraffic> traffic() const;

 private:
  struct Access {
    std::array<unsigned, kWarp> address{};
    std::uint32_t active = 0;
    unsigned bytes = 0;
  };
  // The accesses of one warp at one site that not all lanes have made.
  struct Stream {
    std::deque<Access> open;
    std::array<int, kWarp> made{};  // by each lane, of `open`
  };
  struct SiteOrder {
    bool operator()(const Site& a, const Site& b) const;
  };

  void count(std::size_t site, const Access& access);
  std::size_t index(const Site& site);

  std::map<Site, std::size_t, SiteOrder> known_;
  std::vector<SharedTraffic> sites_;
  std::vector<std::vector<Stream>> streams_;  // by warp and site
};

}  // namespace ditune::emulation
