// SPDX-License-Identifier: Apache-2.0
// What is on record of a layer and need not be found out again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tuner/measure/conclude.hpp"

namespace ditune {

class Recalled {
 public:
  Recalled() = default;
  // By config text.
  explicit Recalled(std::map<std::string, Contender> by_text) : by_text_(std::move(by_text)) {}
  bool empty() const { return by_text_.empty(); }
  bool has(const KernelConfig& config) const { return by_text_.contains(format(config)); }
  std::vector<Contender> all() const;
  // Those of a batch that are on record, and the configs that are not; both in its order.
  std::vector<Contender> known(const std::vector<KernelConfig>& batch) const;
  std::vector<KernelConfig> unknown(std::vector<KernelConfig> batch) const;

 private:
  std::map<std::string, Contender> by_text_;
};

}  // namespace ditune
