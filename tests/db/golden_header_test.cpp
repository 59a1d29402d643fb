// SPDX-License-Identifier: Apache-2.0
// An exported header to the byte, so that programs that include one build with the next one, too.
#include <algorithm>

#include "catch.hpp"
#include "db/export_header.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "templates/embedded.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

TuningRecord winner(std::string_view gpu, const Gemm& gemm, const char* config, const char* epilogue = "default") {
  TuningRecord record = measured_record(gemm, 12.5);
  record.key.device = device_class(find_device(gpu));
  record.key.operation = with(gemm, parse_epilogue(epilogue));
  record.config = parse_config(config);
  record.key.template_hash = template_hash(record.config);
  return record;
}

// Rows of both families, two epilogues, and a prediction.
std::vector<TuningRecord> winners() {
  std::vector<TuningRecord> records{
      winner("RTX 3090", {16, 4608, 4608}, "mma_s8:tile=16x64x64,warps=1x2,stages=4"),
      winner("RTX 3090", {4096, 4608, 4608}, "mma_s8:tile=64x128x64,warps=2x4,stages=3,split_k=2,load=4"),
      winner("RTX 3090", {16, 1000, 520}, "mma_s8:tile=16x64x64,warps=1x2,stages=4,load=8", "bias=bf16,out=f16"),
      winner("H100", {4352, 4608, 4608}, "wgmma_s8:tile=128x256,stages=3,cluster=2x1")};
  records[1].source = Source::predicted;
  records[1].median_us = records[1].low_us = records[1].high_us = 0;
  return records;
}

// Of two prologues, one with its rows interpolated between two M.
std::vector<TuningRecord> quantize_winners() {
  const auto of = [](const char* operation, const char* config) {
    TuningRecord record = winner("H100", {16, 64, 64}, config);
    record.key.operation = parse_operation(operation);
    return record;
  };
  return {
      of("quantize_s8:m=16,k=4608,norm=rms,modulate=scale1", "registers_s8:threads=256,octets=3"),
      of("quantize_s8:m=4096,k=4608,norm=rms,modulate=scale1", "registers_s8:threads=128,octets=5,launch=dependent"),
      of("quantize_s8:m=4096,k=12288,act=swiglu,out=f16", "passes_s8:threads=512")};
}

constexpr const char* kGemmIncludes =
    "#include \"gemm_args.cuh\"\n#include \"epilogue_spec.cuh\"\n#include \"gemm_operands.cuh\"\n"
    "#include \"fallback_args.cuh\"\n#include \"mma_s8_config.cuh\"\n"
    "#include \"wgmma_s8_config.cuh\"\n#include \"l2_fetch.cuh\"\n";
constexpr const char* kQuantizeIncludes =
    "#include \"quantize_args.cuh\"\n#include \"prologue_spec.cuh\"\n#include \"quantize_operands.cuh\"\n"
    "#include \"registers_s8_config.cuh\"\n#include \"passes_s8_config.cuh\"\n";

// The header with a word in place of what changes for reasons of its own: the templates that are inlined at its top,
// ditune's version, and the number of the export.
std::string but_for_templates(std::string header, const char* includes) {
  const auto replace = [&](const std::string& text, const char* by) {
    const std::size_t at = header.find(text);
    REQUIRE(at != std::string::npos);
    header.replace(at, text.size(), by);
  };
  replace(inline_templates(includes), "// (templates)\n");
  replace("ditune " DITUNE_VERSION, "ditune (version)");
  constexpr std::string_view kMark = "#define DITUNE_TUNED_H 0x";
  const std::string id = header.substr(header.find(kMark) + kMark.size(), 8);
  for (std::size_t at = header.find(id); at != std::string::npos; at = header.find(id))
    header.replace(at, 8, "(export)");
  return header;
}

std::string ptx(const KernelConfig& config) { return "PTX by " + std::to_string(k_multiple(config)); }

}  // namespace

TEST_CASE("An exported header is the golden one but for the templates that it has inlined") {
  const auto [records, includes, file] = GENERATE(table<std::vector<TuningRecord>, const char*, std::string>(
      {{winners(), kGemmIncludes, "golden_header.txt"},
       {quantize_winners(), kQuantizeIncludes, "golden_quantize_header.txt"}}));
  INFO(file);
  const auto cubin = [](const TuningRecord&) { return "a cubin"; };
  const HeaderText header = export_header(records, {.embed = Embed::cubin, .cubin_of = cubin, .fallback_ptx = ptx});
  const std::string golden = read_file(DITUNE_SOURCE_DIR "/tests/db/data/" + file);
  const std::string text = but_for_templates(header.header, includes);
  const auto line = std::count(text.begin(), std::ranges::mismatch(text, golden).in1, '\n') + 1;
  INFO("differs from line " << line << " on");
  CHECK((text == golden));
}
