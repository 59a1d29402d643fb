// SPDX-License-Identifier: Apache-2.0
#include "generator/kernel_parameter.hpp"

#include "generator/families.hpp"

namespace ditune {

KernelParameter kernel_parameter(const KernelConfig& config, const Operation& operation, const GemmArgs& args,
                                 const EncodeTensorMap& encode) {
  return std::visit(
      [&]<class Config>(const Config& c) { return Family<Config>::parameter(c, op_of(c, operation), args, encode); },
      config);
}

}  // namespace ditune
