// SPDX-License-Identifier: Apache-2.0
// In what order candidates are tried. Pure policy: knows neither how to measure nor where results are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "ditune/config.hpp"
#include "generator/search_space.hpp"

namespace ditune {

struct Scored {
  KernelConfig config;
  double microseconds;  // infinite if it failed
};

class Strategy {
 public:
  virtual ~Strategy() = default;
  // How many candidates there are in all.
  virtual std::size_t size() const = 0;
  // The next configs to measure together, at most `limit`; empty: done. Never a config twice, nor one that was
  // observed.
  virtual std::vector<KernelConfig> propose(std::size_t limit) = 0;
  // What came of them; proposals may be made before the last ones are observed. Results of an earlier run are welcome,
  // too, whether the config was proposed here or not; what is no candidate is passed over.
  virtual void observe(std::span<const Scored> results) = 0;
};

// Throws UsageError unless there is a strategy of that name.
void require_strategy(std::string_view name);

// "guided": the cost model ranks, measurements correct it; "halving": the shapes that it holds for best compete;
// "local": hill climbing from its best; "random"; "exhaustive": all, in the model's order.
// `seeds` are tried first (e.g. a stale winner), those that are candidates of the target. Throws UsageError for an
// unknown name. Same arguments, same order.
std::unique_ptr<Strategy> make_strategy(std::string_view name, const Target& target,
                                        std::span<const KernelConfig> seeds, std::uint64_t seed);

// The same over given candidates; predicted_us: the model's, one a candidate.
std::unique_ptr<Strategy> make_strategy(std::string_view name, std::span<const KernelConfig> candidates,
                                        std::span<const double> predicted_us, std::span<const KernelConfig> seeds,
                                        std::uint64_t seed);

}  // namespace ditune
