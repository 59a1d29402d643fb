// SPDX-License-Identifier: Apache-2.0
#include "generator/emit.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "catch.hpp"
#include "gemm.hpp"
#include "generator/search_space.hpp"
#include "templates/embedded.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const char* const kConfig = "mma_s8:tile=128x192x128,warps=2x4,stages=4,group=16,staging=shared,schedule=persistent";

std::string read(const char* path) {
  std::ifstream file(std::string(DITUNE_SOURCE_DIR "/tests/generator/") + path);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a stub names every field of its config and epilogue") {
  const KernelSource source = emit(parse_config(kConfig), with({}, parse_epilogue("bias=bf16,out=f16")));
  CHECK(source.name ==
        "mma_s8_tile_128x192x128_warps_2x4_stages_4_group_16_staging_shared_schedule_persistent_bias_bf16_out_f16");
  CHECK(source.text == read("stub.golden.cu"));
}

TEST_CASE("a stub of wgmma_s8 takes tensor maps, and one CTA has an SM's registers") {
  const KernelSource source =
      emit(parse_config("wgmma_s8:tile=128x224,stages=4,cluster=2x1,group=16,staging=1,launch=dependent"),
           with({}, parse_epilogue("bias=bf16")));
  CHECK(source.name == "wgmma_s8_tile_128x224_stages_4_cluster_2x1_group_16_staging_1_launch_dependent_bias_bf16");
  CHECK(source.text == read("wgmma_stub.golden.cu"));
}

TEST_CASE("the default epilogue leaves no trace in the kernel's name") {
  CHECK(emit(parse_config("mma_s8:tile=128x256x64,warps=2x4,stages=3"), {}).name ==
        "mma_s8_tile_128x256x64_warps_2x4_stages_3");
}

TEST_CASE("different kernels have different names") {
  std::set<std::string> names;
  std::size_t count = 0;
  for (const KernelConfig& config : enumerate({.operation = Gemm{4096, 4608, 4608}, .device = find_device("H100")})) {
    for (const char* epilogue : {"default", "bias=f16", "out=s32", "sx=tensor"}) {
      names.insert(emit(config, with({}, parse_epilogue(epilogue))).name);
      ++count;
    }
  }
  CHECK(names.size() == count);
}

TEST_CASE("a standalone source needs no file beside it") {
  for (const char* config : {kConfig, "wgmma_s8:tile=128x256,stages=4"}) {
    const KernelSource source = emit_standalone(parse_config(config), {});
    for (const EmbeddedFile& file : embedded_templates())
      CHECK(source.text.find("#include \"" + std::string(file.name) + '"') == std::string::npos);
    CHECK(source.text.find("struct GemmArgs") != std::string::npos);
    CHECK(source.text.find("extern \"C\" __global__") != std::string::npos);
    CHECK(source.name == emit(parse_config(config), {}).name);
  }
}
