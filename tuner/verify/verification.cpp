// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/verification.hpp"

#include "generator/families.hpp"
#include "tuner/verify/verifications.hpp"

namespace ditune {

Outputs plain_outputs(const Operation& operation, const Arguments& arguments) {
  return visit_kind(operation, arguments,
                    []<class Op>(const Op& op, const ArgsOf<Op>& args) { return Verification<Op>::plain(op, args); });
}

Target emulated_target(const Target& target, const KernelConfig& config) {
  Target small = target;
  std::visit(
      [&]<class Config>(const Config& c) {
        using Op = OpOf<Config>;
        small.operation = Verification<Op>::emulated(op_of(c, target.operation), c);
        small.device.sms = Verification<Op>::emulated_sms(c);
      },
      config);
  return small;
}

}  // namespace ditune
