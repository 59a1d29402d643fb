// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize_s8/mutants.hpp"

#include "catch.hpp"
#include "core/quantize_s8/quantize.hpp"
#include "generator/arguments.hpp"

using namespace ditune;
using namespace ditune::test;

namespace ditune::test::quantize_s8 {

EmulatedLaunch launch_of(const Ground& ground) {
  const KernelConfig config = parse_config(ground.config);
  Target target{Kind<Quantize>::parse(ground.operation), reference_device({ground.arch})};
  target.device.sms = 1;
  return {.config = config,
          .target = target,
          .strides = strides_of(ground.operands, target.operation, stride_multiples(config, target.operation)),
          .contents = {1, values_of(ground.operands)},
          .source = emit(config, target.operation),
          .parameter = {}};
}

}  // namespace ditune::test::quantize_s8

TEST_CASE("every mistake in quantize_s8 is found, and launches are right without") {
  check_found(quantize_s8::kMutants);
  check_right_without(quantize_s8::kMutants);
}
