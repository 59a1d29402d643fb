// SPDX-License-Identifier: Apache-2.0
// The block of examples/graph.cpp on the device, step by step, each on what the steps before it made.
#include "catch.hpp"
#include "ditune/runtime.hpp"
#include "examples/float64_block.hpp"
#include "examples/host_steps.hpp"
#include "host_arguments.hpp"
#include "tuner/verify/verify.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("gpu: the runtime gives the plain loops' bits at every step of the example's block") {
  const auto in = example::random_inputs(example::kCheckSizes);
  auto out = example::empty_outputs(example::kCheckSizes);
  const Runtime runtime(RuntimeOptions{});
  Workspace workspace;
  for (const example::Step& step : example::block(example::kCheckSizes, in, out)) {
    const Prepared& prepared = runtime.prepare(step.operation, 0);
    const auto launch = [&](Arguments arguments, const Stream& stream) {
      const auto bytes = static_cast<std::size_t>(prepared.workspace_bytes());
      set_workspace(arguments, step.operation, workspace.zeros(bytes, stream));
      std::visit([&](const auto& args) { runtime.launch(prepared, args, stream.get()); }, arguments);
    };
    const Outputs expected = plain_outputs(step);
    INFO(step.name);
    for (const Place place : {Place::apart, Place::in_place})
      CHECK(are_same(step.operation, outputs_on_gpu(step.operation, arguments_of(step), place, launch), expected));
    store(step, expected);
  }
}
