// SPDX-License-Identifier: Apache-2.0
#include "generator/quantize_s8/quantize.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "ditune/operation.hpp"
#include "error_of.hpp"
#include "generator/cost_model.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const KernelConfig kRegisters = parse_config("registers_s8:threads=256,octets=4");
const KernelConfig kStaged = parse_config("staged_s8:threads=32,octets=2");
const KernelConfig kPasses = parse_config("passes_s8:threads=256");
const KernelConfig kAnyK = parse_config("passes_s8:threads=256,load=1");

Quantize parse(const std::string& text) { return std::get<Quantize>(parse_operation("quantize_s8:" + text)); }

// Packed arguments, each at an address of its own.
QuantizeArgs good_args(const Quantize& quantize) {
  Arguments arguments = arguments_of(quantize);
  std::uintptr_t address = 0;
  for (const Operand& operand : operands_of(quantize, arguments))
    if (operand.is_present) set_pointer(arguments, operand, reinterpret_cast<const void*>(address += 1 << 24));
  return std::get<QuantizeArgs>(arguments);
}

// What is said of the arguments after a change.
template <class Change>
std::string said(const std::string& text, const Change& change, const KernelConfig& config = kPasses) {
  const Quantize quantize = parse(text);
  QuantizeArgs args = good_args(quantize);
  change(args);
  return error_of([&] { check_launch(config, with_sizes_of(quantize, args), args, 0); });
}

const auto kNothing = [](QuantizeArgs&) {};

}  // namespace

TEST_CASE("packed arguments of a quantization pass, whatever the prologue") {
  for (const char* text :
       {"m=17,k=4608", "m=1,k=8,x=f32,norm=layer,weight=plain,bias=plain", "m=17,k=512,split=128,act=swiglu",
        "m=17,k=512,residual=gate_rms,norm=rms,modulate=scale1_shift,table=image,rotate=256,parameters=f32",
        "m=17,k=512,residual=gate,table=index,scale=tensor", "m=17,k=512,out=bf16"})
    for (const KernelConfig& config : {kRegisters, kStaged, kPasses, kAnyK}) {
      INFO(text << " " << format(config));
      CHECK(said(text, kNothing, config) == "no error");
    }
  CHECK(said("m=1,k=1", kNothing, kAnyK) == "no error");
  CHECK(said("m=3,k=4607,split=13", kNothing, kAnyK) == "no error");
}

TEST_CASE("tables that are too few for the rows are refused") {
  const std::string text = "m=17,k=512,modulate=scale,table=image";
  const auto with = [&](std::int64_t tables, std::int64_t rows_per_image) {
    return said(text, [&](QuantizeArgs& a) { a.tables = tables, a.rows_per_image = rows_per_image; });
  };
  CHECK(with(2, 9) == "no error");
  CHECK(with(1, 17) == "no error");
  CHECK(with(17, 1) == "no error");
  CHECK(with(1, 2147483647) == "no error");
  CHECK(with(2, 8) == "2 tables for 8 rows each are too few for 17 rows (give one for each image)");
  CHECK(with(16, 1) == "16 tables for 1 rows each are too few for 17 rows (give one for each image)");
  CHECK(with(0, 17) == "tables = 0 is out of range (give the rows of g, s and t)");
  CHECK(with(-1, 17) == "tables = -1 is out of range (give the rows of g, s and t)");
  CHECK(with(1LL << 31, 17) == "tables = 2147483648 is out of range (give the rows of g, s and t)");
  CHECK(with(2, 0) == "rows_per_image = 0 is out of range (give the rows of an image)");
  CHECK(with(2, -9) == "rows_per_image = -9 is out of range (give the rows of an image)");
  CHECK(with(2, 1LL << 31) == "rows_per_image = 2147483648 is out of range (give the rows of an image)");
}

TEST_CASE("tables and rows per image count only where the prologue has them") {
  const auto none = [](QuantizeArgs& a) { a.tables = 0, a.rows_per_image = 0; };
  CHECK(said("m=17,k=512,norm=rms", none) == "no error");
  CHECK(said("m=17,k=512,residual=gate", none) == "no error");
  CHECK(said("m=17,k=512,residual=gate,table=index", [](QuantizeArgs& a) { a.rows_per_image = 0; }) == "no error");
  CHECK(said("m=17,k=512,residual=gate,table=index", none) ==
        "tables = 0 is out of range (give the rows of g, s and t)");
}

TEST_CASE("an eps that no norm takes is refused where there is a norm") {
  const auto with = [](const char* text, float eps) { return said(text, [&](QuantizeArgs& a) { a.eps = eps; }); };
  for (const char* text : {"m=3,k=512,norm=rms", "m=3,k=512,norm=layer", "m=3,k=512,residual=gate_rms"}) {
    INFO(text);
    CHECK(with(text, 0) == "no error");
    CHECK(with(text, 0.5F) == "no error");
    CHECK(with(text, -1e-6F) == "eps = -1e-06 is out of range (give the norm's, 0 or more and below 1)");
    CHECK(with(text, 1) == "eps = 1 is out of range (give the norm's, 0 or more and below 1)");
    CHECK(with(text, std::numeric_limits<float>::quiet_NaN()).starts_with("eps = nan is out of range"));
    CHECK(with(text, INFINITY).starts_with("eps = inf is out of range"));
  }
  CHECK(with("m=3,k=512,residual=gate", -1) == "no error");
}

TEST_CASE("a K, a split or a stride that is no multiple of the columns read at once is refused") {
  for (const KernelConfig& config : {kRegisters, kStaged, kPasses}) {
    CHECK(said("m=3,k=12", kNothing, config).starts_with("K = 12 is not a multiple of 8"));
    CHECK(said("m=3,k=16,split=4", kNothing, config).starts_with("split = 4 is not a multiple of 8"));
    CHECK(said(
              "m=3,k=16", [](QuantizeArgs& a) { a.ldx = 20; }, config)
              .starts_with("ldx = 20 is not a multiple of 8"));
    CHECK(said(
              "m=3,k=16", [](QuantizeArgs& a) { a.ldq = 20; }, config)
              .starts_with("ldq = 20 is not a multiple of 8"));
  }
  CHECK(said(
            "m=3,k=16", [](QuantizeArgs& a) { a.ldx = 20, a.ldq = 17; }, kAnyK) == "no error");
}

TEST_CASE("an operand of a quantization that is missing, or that the prologue does not take, is refused") {
  CHECK(said("m=3,k=16", [](QuantizeArgs& a) { a.x = nullptr; }) != "no error");
  CHECK(said("m=3,k=16", [](QuantizeArgs& a) { a.q = nullptr; }) != "no error");
  CHECK(said("m=3,k=16", [](QuantizeArgs& a) { a.scale = nullptr; }) != "no error");
  CHECK(said("m=3,k=16,residual=gate_rms", [](QuantizeArgs& a) { a.y = nullptr; }) != "no error");  // w1 without y
  CHECK(said("m=3,k=16,residual=gate_rms", [](QuantizeArgs& a) { a.w1 = nullptr; }) != "no error");
  CHECK(said("m=3,k=16,residual=add", [](QuantizeArgs& a) { a.h = nullptr; }) != "no error");
  CHECK(said("m=3,k=16", [](QuantizeArgs& a) { a.w1 = a.x; }) != "no error");
  CHECK(said("m=3,k=16", [](QuantizeArgs& a) { a.y = a.x; }) != "no error");
  CHECK(said("m=3,k=16,modulate=scale", [](QuantizeArgs& a) { a.t = a.s; }) != "no error");
  CHECK(said("m=3,k=16,out=f16", [](QuantizeArgs& a) { a.scale = static_cast<float*>(a.q); }) != "no error");
  CHECK(said("m=3,k=16,act=swiglu", [](QuantizeArgs& a) { a.ldx = 16; }).starts_with("ldx = 16"));  // X of K columns
}

TEST_CASE("outputs of a quantization lie apart from all else, but for h in x") {
  CHECK(said("m=3,k=16,residual=add", [](QuantizeArgs& a) { a.h = const_cast<void*>(a.x); }) == "no error");
  CHECK(said("m=3,k=16,residual=add", [](QuantizeArgs& a) {
          a.h = const_cast<void*>(a.y);
        }).starts_with("h and y overlap"));
  CHECK(said("m=3,k=16", [](QuantizeArgs& a) { a.q = const_cast<void*>(a.x); }).starts_with("q and x overlap"));
}

TEST_CASE("a quantization has each candidate once, and each has a finite prediction") {
  for (const char* text : {"m=6144,k=4608,norm=rms,modulate=scale1", "m=6144,k=12288,act=swiglu", "m=1,k=1",
                           "m=17,k=1001", "m=300,k=131071,x=f32,residual=gate_rms"}) {
    const Target target{parse_operation(std::string("quantize_s8:") + text), find_device("H100")};
    INFO(text);
    std::set<std::string> texts;
    const std::vector<KernelConfig> configs = enumerate(target);
    for (const KernelConfig& config : configs) {
      texts.insert(format(config));
      CHECK(std::isfinite(predict(config, target).total_us));
    }
    CHECK_FALSE(configs.empty());
    CHECK(texts.size() == configs.size());
  }
  const Target target{parse_operation("quantize_s8:m=64,k=4096"), find_device("H100")};
  CHECK(std::isfinite(predict(parse_config("registers_s8:threads=1024,octets=1,ctas=32"), target).total_us));
}
