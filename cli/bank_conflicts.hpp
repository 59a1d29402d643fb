// SPDX-License-Identifier: Apache-2.0
// Where kernels wait for the banks of shared memory, as the emulation counted it.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "ditune/config.hpp"
#include "emulation/emulate.hpp"

namespace ditune::cli {

class BankConflicts {
 public:
  void add(const KernelConfig& config, const std::vector<emulation::SharedTraffic>& traffic);

  // A row for each place in the source where some variant took more wavefronts than its bytes need: the sums over those
  // variants, and the one with the most wavefronts for what it needs.
  Table table() const;

 private:
  struct Site {
    std::string file;
    int line = 0;
    std::string wrapper;
    auto operator<=>(const Site&) const = default;
  };
  struct Sum {
    long long accesses = 0, wavefronts = 0, needed = 0;
    double worst_ratio = 0;
    KernelConfig worst;
  };
  std::map<Site, Sum> sites_;
};

}  // namespace ditune::cli
