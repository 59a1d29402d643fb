// Candidates in the cost model's order: what the strategies that follow it keep of each.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ditune/config.hpp"

namespace ditune {

struct Ranked {
  std::vector<KernelConfig> configs;  // best by the model first; equals in an order that the seed drew
  std::vector<double> predicted_us;
  std::vector<char> taken;          // proposed or observed
  std::vector<double> measured_us;  // 0: not known; infinite: failed
  std::vector<std::size_t> seeds;   // of the seeds, those that are candidates, in their order

  std::size_t size() const { return configs.size(); }
  // size() if it is none of them.
  std::size_t index_of(const KernelConfig& config) const;
  bool is_sound(std::size_t i) const;  // whether it was measured and did not fail
  std::vector<KernelConfig> at(std::span<const std::size_t> indices) const;
};

// predicted_us: the model's, one a candidate.
Ranked rank(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
            std::span<const KernelConfig> seeds, std::uint64_t seed);

}  // namespace ditune
