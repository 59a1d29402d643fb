// SPDX-License-Identifier: Apache-2.0
// Kernels in an exported header, and beside it.
#include <string>
#include <vector>

#include "catch.hpp"
#include "compilers.hpp"
#include "db/exported_header.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"
#include "generator/emit.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("A header with kernels of any size compiles everywhere without a warning", "[compilers]") {
  const TempFolder folder;
  std::string large;
  while (large.size() < 100'000) large += all_bytes();
  const TuningRecord record = hopper_record();
  const Embed embed = GENERATE(Embed::source, Embed::cubin);
  write_file(folder / "tuned.h",
             export_header({record}, {.embed = embed,
                                      .cubin_of = [&](const TuningRecord&) { return large; },
                                      .fallback_ptx = [&](const KernelConfig&) { return large + "PTX"; }})
                 .header);
  const std::string print = embed == Embed::source
                                ? "std::fputs(kernel.source, stdout) < 0"
                                : "kernel.image[kernel.image_bytes] != 0 ||\n"
                                  "  std::fwrite(kernel.image, 1, kernel.image_bytes, stdout) != kernel.image_bytes";
  write_file(folder / "kernel.cpp",
             "#include <cstdio>\n#include \"tuned.h\"\nconstexpr auto& kernel = *ditune_tuned::rows[0].kernel;\n"
             "int main() { return " +
                 print + "; }\n");
  const std::string program = (folder / "kernel").string();
  for (const Compiler& compiler : compilers()) {
    INFO(compiler.name);
    const int built = run(compiler.command + " " + (folder / "kernel.cpp").string() + " -o " + program, folder / "log");
    INFO(read_file(folder / "log"));
    REQUIRE(built == 0);
    REQUIRE(run(program, folder / "log") == 0);
    CHECK((read_file(folder / "log") == (embed == Embed::cubin ? large : emit_standalone(record.config, {}).text)));
  }
}

TEST_CASE("Kernels are embedded byte for byte, each once") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  const std::string header = exported(sample_records(), Embed::cubin);
  const std::string winners = header.substr(0, header.find("---- layers without a row"));
  CHECK(contains(winners, "&kernels[0]"));
  CHECK_FALSE(contains(winners, "&kernels[1]"));
  write_file(folder / "tuned.h", header);
  write_file(
      folder / "image.cpp",
      "#include <cstdio>\n#include \"tuned.h\"\n"
      "int main() { auto& k = *ditune_tuned::rows[0].kernel; std::fwrite(k.image, 1, k.image_bytes, stdout); }\n");
  const std::string program = (folder / "image").string();
  REQUIRE(run(DITUNE_GXX " -std=c++17 " + (folder / "image.cpp").string() + " -o " + program, folder / "log") == 0);
  REQUIRE(run(program, folder / "log") == 0);
  CHECK(read_file(folder / "log") == all_bytes());
}

TEST_CASE("Large kernels are in a file of their own, which must be of the same export") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::string large;
  while (large.size() < 500'000) large += all_bytes();
  const auto text = [&](const std::string& image, const std::string& file) {
    return export_header(sample_records(), {.embed = Embed::cubin,
                                            .cubin_of = [&](const TuningRecord&) { return image; },
                                            .fallback_ptx = made_up_ptx,
                                            .kernels_file = file});
  };
  CHECK(text(all_bytes(), "a file.inc").kernels.empty());
  CHECK(text(large, "").kernels.empty());
  const HeaderText apart = text(large, "a file.inc");
  CHECK(apart.header.size() < 100'000);
  CHECK(apart.kernels.starts_with(kKernelsTop));
  CHECK((text(large, "a file.inc").header == apart.header && text(large, "a file.inc").kernels == apart.kernels));
  for (const std::string name : {"a\"b.inc", "a\\b.inc", "a\nb.inc"})
    CHECK(contains(error_of<Error>([&] { text(large, name); }), "no header can include"));

  write_file(folder / "tuned.h", apart.header);
  write_file(
      folder / "image.cpp",
      "#include <cstdio>\n#include \"tuned.h\"\n"
      "int main() { auto& k = *ditune_tuned::rows[0].kernel; std::fwrite(k.image, 1, k.image_bytes, stdout); }\n");
  const std::string program = (folder / "image").string();
  const std::string build = DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror" + kCudaInclude + " " +
                            (folder / "image.cpp").string() + " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread -o " +
                            program;
  write_file(folder / "a file.inc", text(large + "another", "a file.inc").kernels);
  CHECK(run(build, folder / "log") != 0);
  CHECK(contains(read_file(folder / "log"), "the kernels are of another export"));
  write_file(folder / "a file.inc", apart.kernels);
  const int status = run(build, folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(status == 0);
  REQUIRE(run(program, folder / "log") == 0);
  CHECK((read_file(folder / "log") == large));
}

TEST_CASE("An embedded source is what nvcc compiles", "[compilers]") {
  if (!is_found(DITUNE_NVCC) || !is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  const auto [arch, records] = GENERATE(table<std::string, std::vector<TuningRecord>>(
      {{"sm_86", {sample_records()[1]}},
       {"sm_90a", {hopper_record()}},
       {"sm_90a", {hopper_record("wgmma_s8:tile=64x144,stages=8,consumers=pingpong,staging=1,launch=dependent")}}}));
  write_file(folder / "tuned.h", exported(records, Embed::source));
  write_file(folder / "source.cpp",
             "#include <cstdio>\n#include \"tuned.h\"\n"
             "int main() { std::fputs(ditune_tuned::rows[0].kernel->source, stdout); }\n");
  const std::string program = (folder / "source").string();
  REQUIRE(run(DITUNE_GXX " -std=c++17 " + (folder / "source.cpp").string() + " -o " + program, folder / "log") == 0);
  REQUIRE(run(program, folder / "kernel.cu") == 0);
  const int status = run(DITUNE_NVCC " -std=c++20 -arch=" + arch + " -cubin -o " + (folder / "kernel.cubin").string() +
                             " " + (folder / "kernel.cu").string(),
                         folder / "log");
  INFO(read_file(folder / "log"));
  CHECK(status == 0);
}

TEST_CASE("A winner without its kernel cannot be embedded") {
  const auto no_kernel = [](const TuningRecord&) { return std::string(); };
  const auto header = [&](Embed embed) {
    const HeaderOptions options{.embed = embed, .cubin_of = no_kernel, .fallback_ptx = made_up_ptx};
    return export_header(sample_records(), options).header;
  };
  CHECK(contains(error_of<Error>([&] { header(Embed::cubin); }), "there is no kernel of 16x4608x4608 mma_s8:"));
  CHECK_NOTHROW(header(Embed::source));
}
