// SPDX-License-Identifier: Apache-2.0
#include "generator/kernel_parameter.hpp"

#include "generator/families.hpp"

namespace ditune {

KernelParameter kernel_parameter(const KernelConfig& config, const Operation& operation, const Arguments& arguments,
                                 const EncodeTensorMap& encode) {
  return std::visit(
      [&]<class Config>(const Config& c) {
        return Family<Config>::parameter(c, op_of(c, operation), std::get<ArgsOf<OpOf<Config>>>(arguments), encode);
      },
      config);
}

}  // namespace ditune
