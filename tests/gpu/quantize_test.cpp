// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 on the device: every kernel of the sample, whole layers, h in place, and its reference against
// the plain loop.
#include "quantize.hpp"

#include <algorithm>
#include <map>

#include "catch.hpp"
#include "core/quantize_s8/quantize.hpp"
#include "generator/arguments.hpp"
#include "gpu_fixture.hpp"
#include "host_arguments.hpp"
#include "runtime/quantize_s8/quantize_cases.hpp"
#include "tuner/measure/gpu.hpp"
#include "tuner/verify/host_operands.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Why the case is wrong on the device, on the device's own number of SMs.
std::string failure(const Case& one) {
  const Target target = gpu().target(one.target.operation);
  const Strides strides = strides_of(one.operands, target.operation, stride_multiples(one.config, target.operation));
  GpuProblem problem(target, strides, OperandSets::one, {one.seed, values_of(one.operands)}, gpu().kernels);
  return problem.failure(gpu().load(one.config, target.operation), one.config);
}

// Those of the sample that the device takes; far rows take more memory than it has.
std::vector<Case> sample() {
  std::vector<Case> all = covering_cases(quantize_sample());
  std::erase_if(all, [](const Case& one) {
    return one.operands == OperandCase::far || refusal(one.config, gpu().target(one.target.operation));
  });
  return all;
}

// Some of them, evenly.
std::vector<Case> some_of(const std::vector<Case>& all, std::size_t count) {
  std::vector<Case> some;
  for (std::size_t i = 0; i < std::min(count, all.size()); ++i)
    some.push_back(all[i * all.size() / std::min(count, all.size())]);
  return some;
}

// Begins to compile them all.
void prepare(const std::vector<Case>& cases) {
  for (const Case& one : cases) gpu().compiler.prepare(gpu().target(one.target.operation), std::span(&one.config, 1));
}

Operation parse(const char* text) { return Kind<Quantize>::parse(text); }

// The covering configs that the device has for it, on all of its rows.
void check_layer(const char* text) {
  const Target target = gpu().target(parse(text));
  const std::vector<KernelConfig> configs =
      covering_configs(all_candidates(std::span(&target.operation, 1), std::span(&gpu().device, 1)));
  CHECK(configs.size() > 3);
  gpu().compiler.prepare(target, configs);
  for (const OperandCase which : {OperandCase::plain, OperandCase::padded, OperandCase::odd, OperandCase::extreme}) {
    std::map<Strides, std::vector<KernelConfig>> by_strides;  // configs of one share operands
    for (const KernelConfig& config : configs)
      by_strides[strides_of(which, target.operation, stride_multiples(config, target.operation))].push_back(config);
    for (const auto& [strides, its] : by_strides) {
      GpuProblem problem(target, strides, OperandSets::one, {7, values_of(which)}, gpu().kernels);
      for (const KernelConfig& config : its) {
        INFO(text << " " << format(config) << " case " << word(which));
        CHECK(problem.failure(gpu().load(config, target.operation), config) == "");
      }
    }
  }
}

}  // namespace

TEST_CASE("gpu: quantizations of the covering sample") {
  const std::vector<Case> cases = some_of(sample(), 200);
  CHECK(cases.size() >= 60);
  prepare(cases);
  for (const Case& one : cases) {
    INFO(replay(one));
    CHECK(failure(one) == "");
  }
}

TEST_CASE("gpu: layers of many rows, every pair of values that their candidates have") {
  check_layer("m=2304,k=3072,residual=gate_rms,norm=rms,weight=plain,modulate=scale1,table=image");
  check_layer("m=1000,k=4608,x=f16,norm=layer,modulate=scale1_shift,table=index,rotate=256");
  check_layer("m=1000,k=4613,x=f32,residual=add,norm=rms,weight=plus_one");
  check_layer("m=500,k=12288,act=swiglu,smooth=on");
  check_layer("m=300,k=15360,split=3072,act=gelu_tanh");
  check_layer("m=17,k=131071,norm=layer");
  check_layer("m=1000,k=9216,norm=rms_head,weight=plain,out=bf16,head=256,rope=half");
  check_layer("m=1000,k=3072,x=f16,norm=rms,weight=plain,parameters=f32,out=f16,head=128,rope=pairs");
}

TEST_CASE("gpu: rows of quantizations so far apart that their offsets do not fit 32 bits") {
  const GpuTuner tuner(GpuOptions{});
  for (const char* text : {"m=9,k=1000,residual=gate,table=index", "m=9,k=1001,norm=layer"}) {
    const Target target = gpu().target(parse(text));
    if (!tuner.fits(target, OperandCase::far)) {
      WARN("case far does not fit");
      continue;
    }
    const std::vector<KernelConfig> configs =
        covering_configs(all_candidates(std::span(&target.operation, 1), std::span(&gpu().device, 1)));
    for (const Verdict& verdict : tuner.verify(target, configs, OperandCase::far)) {
      INFO(text << " " << format(verdict.config));
      CHECK(verdict.failure == "");
    }
  }
}

TEST_CASE("gpu: h in place and apart gives the plain loop's bits") {
  std::vector<Case> cases = sample();
  std::erase_if(cases, [](const Case& one) {
    return quantize_of(one.target.operation).prologue.residual == Branch::none || one.operands == OperandCase::padded ||
           one.operands == OperandCase::odd;
  });
  cases = some_of(cases, 60);
  CHECK(cases.size() >= 30);
  prepare(cases);
  for (const Case& one : cases) {
    INFO(replay(one));
    const Target target = gpu().target(one.target.operation);
    const HostOperands host(target.operation, packed_strides(target.operation), {one.seed, values_of(one.operands)});
    const Outputs expected = plain_outputs(target.operation, host.arguments());
    for (const Place place : {Place::apart, Place::in_place}) {
      const Outputs actual =
          outputs_on_gpu(target.operation, host.arguments(), place, [&](auto args, const auto& stream) {
            prepare_launch(gpu().load(one.config, target.operation), one.config, target, args)(stream);
          });
      INFO((place == Place::apart ? "apart" : "in place"));
      CHECK(are_same(target.operation, actual, expected));
    }
  }
}

TEST_CASE("gpu: the reference of quantizations gives the plain loop's bits, whatever the step and the output") {
  std::uint64_t seed = 0;
  for (const char* text : kQuantizeCases)
    for (const QuantizedType out : {QuantizedType::s8, QuantizedType::bf16, QuantizedType::f16})
      for (const Values values : {Values::random, Values::extreme}) {
        INFO(text << " out=" << static_cast<int>(out) << " seed " << seed);
        const Operation operation = with_output(text, out);
        const HostOperands host(operation, packed_strides(operation), {seed++, values});
        const Outputs actual =
            outputs_on_gpu(operation, host.arguments(), Place::apart,
                           [&](const auto& args, const auto& stream) { gpu().kernels->run(operation, args, stream); });
        CHECK(are_same(operation, actual, plain_outputs(operation, host.arguments())));
      }
}

TEST_CASE("gpu: the reference of quantizations gives the plain loop's bits with a given scale") {
  for (const char* text : {"m=5,k=300,scale=tensor", "m=5,k=512,x=f16,rotate=256,scale=tensor"}) {
    const Operation operation = parse(text);
    const HostOperands host(operation, packed_strides(operation), {3, Values::extreme});
    const Outputs actual =
        outputs_on_gpu(operation, host.arguments(), Place::apart,
                       [&](const auto& args, const auto& stream) { gpu().kernels->run(operation, args, stream); });
    INFO(text);
    CHECK(are_same(operation, actual, plain_outputs(operation, host.arguments())));
  }
}
