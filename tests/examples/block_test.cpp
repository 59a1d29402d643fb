// SPDX-License-Identifier: Apache-2.0
// The block of examples/graph.cpp on the host, each step by its plain loop: near the same block in float64, and far
// from it if there is a mistake.
#include "examples/block.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "catch.hpp"
#include "examples/float64_block.hpp"
#include "examples/host_steps.hpp"
#include "generator/arguments.hpp"
#include "generator/search_space.hpp"
#include "models/models.hpp"

using namespace ditune;
using namespace ditune::test;
using namespace example;

namespace {

using Steps = std::vector<Step>;
using Errors = std::array<NamedError, 5>;
using Mistake = std::function<void(Steps& steps)>;
using Damage = std::function<void(std::string_view done, BlockOutputs<Vector>& out)>;

// Of a block with a mistake in its steps, or with damage to what a step has done.
Errors block_errors(const Mistake& mistake, const Damage& damage) {
  static const BlockInputs<Vector> in = random_inputs(kCheckSizes);
  static const Float64Block exact = float64_block(kCheckSizes, in);
  BlockOutputs<Vector> out = empty_outputs(kCheckSizes);
  Steps steps = block(kCheckSizes, in, out);
  if (mistake) mistake(steps);
  for (const Step& step : steps) {
    store(step, plain_outputs(step));
    if (damage) damage(step.name, out);
  }
  return errors(out, exact);
}

// Of what is allowed, at the worst result.
double largest(const Errors& errors) {
  double most = 0;
  for (const NamedError& one : errors) most = std::max(most, one.error / one.allowed);
  return most;
}

Step& named(Steps& steps, std::string_view name) { return *std::ranges::find(steps, name, &Step::name); }
Prologue& prologue_of(Steps& steps, std::string_view name) {
  return std::get<Quantize>(named(steps, name).operation).prologue;
}
QuantizeArgs& args_of(Steps& steps, std::string_view name) { return std::get<QuantizeArgs>(named(steps, name).args); }

// Each row gets the scale of the next.
void move_scales(Linear<Vector>& linear) { std::ranges::rotate(linear.scales, linear.scales.begin() + 1); }

std::set<std::string> texts(const std::vector<Operation>& operations) {
  std::set<std::string> texts;
  for (const Operation& operation : operations) texts.insert(format(operation));
  return texts;
}

}  // namespace

TEST_CASE("the block of the example is what models.csv says of Ideogram 4") {
  // Sizes of one token: its arrays are small.
  const BlockSizes sizes{.tokens = 1};
  BlockOutputs<Vector> out = empty_outputs(sizes);
  std::vector<Operation> steps, layers;
  for (const Step& step : block(sizes, BlockInputs<Vector>{}, out))
    steps.push_back(with_rows(step.operation, BlockSizes{}.tokens));
  for (const char* linear : {"qkv", "o", "gate_up", "down"})
    for (const ModelLayer& layer : model_layers("ideogram4", {}, linear))
      if (rows(layer.operation) == BlockSizes{}.tokens) layers.push_back(layer.operation);
  CHECK(texts(steps) == texts(layers));
}

TEST_CASE("the block of the example has arguments that every candidate takes") {
  const BlockInputs<Vector> in = random_inputs(kCheckSizes);
  BlockOutputs<Vector> out = empty_outputs(kCheckSizes);
  for (const Step& step : block(kCheckSizes, in, out))
    for (const KernelConfig& config : enumerate({step.operation, find_device("H100")})) {
      INFO(step.name << " " << format(config));
      REQUIRE_NOTHROW(check_launch(config, step.operation, arguments_of(step), 0));
    }
}

TEST_CASE("the block of the example, by plain loops, is near float64") {
  for (const NamedError& one : block_errors({}, {})) {
    INFO(one.name << " " << one.error);
    CHECK(one.is_small());
    CHECK(one.error > one.allowed / 2);  // what is allowed is not much more
  }
}

TEST_CASE("the block of the example with a mistake in it is far from float64") {
  const std::vector<std::pair<const char*, Mistake>> mistakes{
      {"no gate before attention", [](Steps& steps) { prologue_of(steps, "qkv rows").residual = Branch::add; }},
      {"no gate behind attention", [](Steps& steps) { prologue_of(steps, "gate_up rows").residual = Branch::add; }},
      {"no norm of the branch", [](Steps& steps) { prologue_of(steps, "gate_up rows").residual = Branch::gate; }},
      {"the gate before attention behind it",
       [](Steps& steps) { args_of(steps, "gate_up rows").g = args_of(steps, "qkv rows").g; }},
      {"another norm's weight", [](Steps& steps) { args_of(steps, "qkv rows").w1 = args_of(steps, "qkv rows").w; }},
      {"s, not 1 + s", [](Steps& steps) { prologue_of(steps, "gate_up rows").modulate = Modulation::scale; }},
      {"no modulation", [](Steps& steps) { prologue_of(steps, "qkv rows").modulate = Modulation::none; }},
      {"x where h belongs", [](Steps& steps) { args_of(steps, "gate_up rows").x = args_of(steps, "qkv rows").x; }},
      {"K where V belongs",
       [](Steps& steps) {
         QuantizeArgs& args = args_of(steps, "o rows");
         args.x = static_cast<const Bf16*>(args.x) - kCheckSizes.hidden;
       }},
  };
  for (const auto& [name, mistake] : mistakes) {
    const double error = largest(block_errors(mistake, {}));
    INFO(name << " " << error);
    CHECK(error > 2);
  }
}

TEST_CASE("the block of the example with the scales of other rows is far from float64") {
  using Member = Linear<Vector> BlockOutputs<Vector>::*;
  for (const auto& [name, linear] :
       std::vector<std::pair<std::string_view, Member>>{{"qkv rows", &BlockOutputs<Vector>::qkv},
                                                        {"o rows", &BlockOutputs<Vector>::o},
                                                        {"gate_up rows", &BlockOutputs<Vector>::gate_up},
                                                        {"down rows", &BlockOutputs<Vector>::down}}) {
    const double error = largest(block_errors({}, [&, member = linear, after = name](auto done, auto& out) {
      if (done == after) move_scales(out.*member);
    }));
    INFO(name << " " << error);
    CHECK(error > 2);
  }
}
