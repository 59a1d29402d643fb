// SPDX-License-Identifier: Apache-2.0
#include "generator/cost_model.hpp"

#include "generator/families.hpp"

namespace ditune {

Prediction predict(const KernelConfig& config, const Target& target) {
  return std::visit(
      [&]<class Config>(const Config& c) {
        return Family<Config>::predict(c, {op_of(c, target.operation), target.device});
      },
      config);
}

}  // namespace ditune
