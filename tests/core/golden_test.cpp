// SPDX-License-Identifier: Apache-2.0
// What later versions must still read, and what host and device agree on, written down once: a change here is a change
// of the store and of exported headers. golden.txt holds what this prints.
#include <fmt/format.h>

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "ditune/record.hpp"
#include "gemm.hpp"
#include "gemm_args.cuh"
#include "launch_plan.cuh"
#include "quantize_args.cuh"
#include "tensor_map.cuh"

using namespace ditune;
using namespace ditune::test;

namespace {

const std::vector<Epilogue> kEpilogues{
    {},
    {.bias = Bias::bf16},
    {.sx = ScaleX::tensor, .sw = ScaleW::tensor, .bias = Bias::f32, .out = Output::f16},
    {.bias = Bias::f16, .out = Output::f32},
    {.out = Output::s32},
};

const std::vector<MmaS8Config> kConfigs{
    {.tile_m = 128, .tile_n = 256, .tile_k = 64, .warps_m = 2, .warps_n = 4, .stages = 3},
    {.tile_m = 128, .tile_n = 128, .tile_k = 128, .warps_m = 2, .warps_n = 2, .stages = 2, .group = 16, .ctas = 2},
    {.tile_m = 128,
     .tile_n = 256,
     .tile_k = 128,
     .warps_m = 2,
     .warps_n = 4,
     .stages = 3,
     .staging = Staging::shared,
     .schedule = Schedule::persistent},
    {.tile_m = 16, .tile_n = 64, .tile_k = 256, .warps_m = 1, .warps_n = 4, .stages = 6, .group = 1, .split_k = 4},
    {.tile_m = 128, .tile_n = 192, .tile_k = 128, .warps_m = 2, .warps_n = 4, .stages = 4, .staging = Staging::shared},
    {.tile_m = 32, .tile_n = 64, .tile_k = 64, .warps_m = 1, .warps_n = 2, .stages = 2, .load = 1},
    {.tile_m = 64,
     .tile_n = 96,
     .tile_k = 64,
     .warps_m = 2,
     .warps_n = 3,
     .stages = 8,
     .group = 32,
     .split_k = 3,
     .staging = Staging::shared,
     .ctas = 3,
     .load = 4},
};

const std::vector<WgmmaS8Config> kWgmmaConfigs{
    {.tile_m = 128, .tile_n = 256, .stages = 4, .cluster_m = 2},
    {.tile_m = 128, .tile_n = 192, .stages = 4, .consumers = Consumers::pingpong, .cluster_m = 2, .group = 16},
    {.tile_m = 256, .tile_n = 128, .stages = 4, .cluster_n = 2, .group = 4},
    {.tile_m = 128, .tile_n = 256, .stages = 3, .decomposition = Decomposition::stream_k},
    {.tile_m = 128, .tile_n = 192, .stages = 5, .consumers = Consumers::pingpong, .staging = 1},
    {.tile_m = 64, .tile_n = 144, .stages = 7, .consumers = Consumers::pingpong, .launch = Launch::dependent},
};

const std::vector<Gemm> kProblems{{6144, 13824, 4608}, {17, 4608, 4608}, {1, 1, 1}, {131072, 65536, 131071}};

const std::vector<const char*> kQuantizations{
    "m=6144,k=4608",
    "m=6144,k=4608,residual=gate_rms,norm=rms,weight=plain,modulate=scale1,table=image",
    "m=4096,k=3072,residual=gate,norm=layer,modulate=scale1_shift,table=index,rotate=256,parameters=f32",
    "m=17,k=12288,x=f16,act=swiglu,smooth=on",
    "m=1,k=15360,split=3072,act=gelu_tanh,scale=tensor",
    "m=2147483647,k=131071,x=f32,norm=layer,weight=plus_one,bias=plain,out=bf16",
};

const std::vector<const char*> kQuantizeConfigs{
    "registers_s8:threads=32,octets=18,rows=4",
    "registers_s8:threads=256,octets=3",
    "registers_s8:threads=128,octets=5,rows=2,load=1,launch=dependent",
    "passes_s8:threads=1024",
    "passes_s8:threads=256,load=1,launch=dependent",
    "staged_s8:threads=256,octets=3,stages=3,ctas=2",
    "staged_s8:threads=128,octets=5,copy=async,launch=dependent",
    "staged_s8:threads=128,octets=5,columns=shared,ctas=4",
    "registers_s8:threads=128,octets=5,schedule=persistent,columns=shared",
};

std::string print_plan(const LaunchPlan& plan) {
  return fmt::format("grid={} cluster={} block={} shared={} workspace={}{}", plan.grid, plan.cluster, plan.block,
                     plan.shared_bytes, plan.workspace_bytes, plan.dependent ? " dependent" : "");
}

std::string print_layout() {
  std::string text = fmt::format("GemmArgs size={}", sizeof(GemmArgs));
#define OFFSET(field) text += fmt::format(" {}={}", #field, offsetof(GemmArgs, field))
  OFFSET(x), OFFSET(w), OFFSET(y), OFFSET(sx), OFFSET(sw), OFFSET(bias), OFFSET(workspace);
  OFFSET(m), OFFSET(n), OFFSET(k), OFFSET(ldx), OFFSET(ldw), OFFSET(ldy);
#undef OFFSET
  return text + '\n';
}

std::string print_tma_layout() {
  return fmt::format("TmaGemmArgs size={} gemm={} x={} w={} y={}\n", sizeof(TmaGemmArgs), offsetof(TmaGemmArgs, gemm),
                     offsetof(TmaGemmArgs, x), offsetof(TmaGemmArgs, w), offsetof(TmaGemmArgs, y));
}

// For a few rows and for many, of two and of four bytes an output.
template <class Config>
std::string print_plans(const Config& config) {
  std::string text;
  for (const Gemm& problem : {kProblems[0], kProblems[1]}) {
    for (const Output out : {Output::bf16, Output::f32}) {
      text += fmt::format("plan {} {} {} {}\n", output_bytes(out), format_shape(problem), format(config),
                          print_plan(launch_plan(config, {.out = out}, problem.m, problem.n, 132)));
    }
  }
  return text;
}

std::vector<Operation> quantizations() {
  std::vector<Operation> all;
  for (const char* text : kQuantizations) all.push_back(parse_operation(fmt::format("quantize_s8:{}", text)));
  return all;
}

std::string print_quantize_layout() {
  std::string text = fmt::format("QuantizeArgs size={}", sizeof(QuantizeArgs));
#define OFFSET(field) text += fmt::format(" {}={}", #field, offsetof(QuantizeArgs, field))
  OFFSET(x), OFFSET(x2), OFFSET(y), OFFSET(h), OFFSET(g), OFFSET(s), OFFSET(t), OFFSET(index);
  OFFSET(w1), OFFSET(w), OFFSET(b), OFFSET(c), OFFSET(q), OFFSET(scale), OFFSET(m), OFFSET(k);
  OFFSET(ldx), OFFSET(ldx2), OFFSET(ldy), OFFSET(ldh), OFFSET(ldt), OFFSET(ldq);
  OFFSET(tables), OFFSET(rows_per_image), OFFSET(eps);
#undef OFFSET
  return text + '\n';
}

std::string print_quantize() {
  std::string text = print_quantize_layout();
  for (const Operation& operation : quantizations()) {
    const TuningKey key{
        .device = device_class(find_device("H100")), .operation = operation, .template_hash = "0123456789abcdef"};
    text += fmt::format("operation {}\nkey {}\n", format(operation), format(key));
  }
  for (const char* config : kQuantizeConfigs) {
    text += fmt::format("config {}\n", format(parse_config(config)));
    for (const std::int64_t m : {6144, 17})
      std::visit(
          [&](const auto& its) {
            constexpr Prologue kPrologue{.residual = Branch::add};
            if constexpr (requires { launch_plan(its, kPrologue, m, 4608, 132); })
              text += fmt::format("plan {} {} {}\n", m, config, print_plan(launch_plan(its, kPrologue, m, 4608, 132)));
          },
          parse_config(config));
  }
  return text;
}

std::string print_all() {
  std::string text = print_layout();
  for (const Gemm& problem : kProblems) text += fmt::format("problem {}\n", format_shape(problem));
  for (const Epilogue& epilogue : kEpilogues) text += fmt::format("epilogue {}\n", format(epilogue));
  for (const MmaS8Config& config : kConfigs) text += fmt::format("config {}\n", format(config));
  for (const Epilogue& epilogue : kEpilogues) {
    const TuningKey key{.device = device_class(find_device("H100")),
                        .operation = with(kProblems[0], epilogue),
                        .template_hash = "0123456789abcdef"};
    text += fmt::format("key {}\n", format(key));
  }
  for (const MmaS8Config& config : kConfigs) text += print_plans(config);
  text += print_tma_layout();
  for (const WgmmaS8Config& config : kWgmmaConfigs)
    text += fmt::format("config {}\n", format(config)) + print_plans(config);
  return text + print_quantize();
}

}  // namespace

TEST_CASE("text forms, keys, the kernel's argument and launch plans are what they were") {
  std::ifstream file(DITUNE_SOURCE_DIR "/tests/core/golden.txt");
  REQUIRE(file);
  std::stringstream golden;
  golden << file.rdbuf();
  std::string expected, actual;
  std::stringstream printed(print_all());
  while (std::getline(golden, expected)) {
    REQUIRE(std::getline(printed, actual));
    CHECK(actual == expected);
  }
  CHECK_FALSE(std::getline(printed, actual));
}

TEST_CASE("every golden config and epilogue is read back") {
  for (const MmaS8Config& config : kConfigs) CHECK(std::get<MmaS8Config>(parse_config(format(config))) == config);
  for (const WgmmaS8Config& config : kWgmmaConfigs)
    CHECK(std::get<WgmmaS8Config>(parse_config(format(config))) == config);
  for (const Epilogue& epilogue : kEpilogues) CHECK(parse_epilogue(format(epilogue)) == epilogue);
  for (const Gemm& problem : kProblems) CHECK(parse_shape(format_shape(problem)) == problem);
  for (const Operation& operation : quantizations()) CHECK(parse_operation(format(operation)) == operation);
  for (const char* config : kQuantizeConfigs) CHECK(format(parse_config(config)) == config);
}

// After a deliberate change: run `test_core "[write-golden]"` and review the golden.txt it leaves in the current
// folder.
TEST_CASE("write the golden file", "[.][write-golden]") { std::ofstream("golden.txt") << print_all(); }
