// SPDX-License-Identifier: Apache-2.0
#include "generator/kernel_parameter.hpp"

#include "generator/families.hpp"

namespace ditune {

KernelParameter kernel_parameter(const KernelConfig& config, const Epilogue& epilogue, const GemmArgs& args,
                                 const EncodeTensorMap& encode) {
  return std::visit([&]<class Config>(const Config& c) { return Family<Config>::parameter(c, epilogue, args, encode); },
                    config);
}

}  // namespace ditune
