// SPDX-License-Identifier: Apache-2.0
#include "db/export_header.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "compilers.hpp"
#include "db/exported_header.hpp"
#include "fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const std::string kEvil = "*/ int x; /* \"\n?\?/\\ )cuda\" %s #error \xff";

// Asks the header what the library knows; main() is 0 if all of it is right.
const std::string kProbe = kArgs + R"(
#include <cstdio>

namespace t = ditune_tuned;
constexpr std::string_view k3090 = "NVIDIA GeForce RTX 3090";

static_assert(t::find(86, 1, 4608, 4608) == &t::rows[0]);
static_assert(t::find(86, 4095, 4608, 4608) == &t::rows[0]);
static_assert(t::find(86, 4096, 4608, 4608) == &t::rows[1]);  // predicted beside a measured one: its own m alone
static_assert(t::find(86, 4097, 4608, 4608)->config == t::rows[0].config);
static_assert(t::find(86, 2147483647, 4608, 4608)->m_tuned == 16);
static_assert(t::find(86, 2147483647, 4608, 4609) == nullptr);
static_assert(t::find(86, 0, 4608, 4608) == nullptr);
static_assert(t::find(80, 16, 4608, 4608) == nullptr);
static_assert(t::find(86, 16, 4608, 4608, "out=f32") == nullptr);
static_assert(t::find(86, 16, 4608, 4608, "sx=tensor,bias=bf16,out=f16")->fused.bias == t::ditune::Bias::bf16);
static_assert(t::find("NVIDIA RTX A6000", 86, 16, 4608, 4608)->sms == 84);
static_assert(t::find("unknown card", 86, 16, 4608, 4608)->device == k3090);
static_assert(t::rows[0].source == t::Source::measured && t::rows[0].microseconds == 12);
static_assert(t::rows[1].source == t::Source::predicted && t::rows[1].microseconds == 345.5);
static_assert(t::rows[1].config == "mma_s8:tile=64x128x64,warps=2x4,stages=3,split_k=2,load=4");
static_assert(t::rows[1].k_multiple == 4 && t::rows[1].m_tuned == 4096);
static_assert(t::plan(t::rows[1], 4096).grid == PLAN_GRID);
static_assert(t::plan(t::rows[1], 4096).block == PLAN_BLOCK);
static_assert(t::plan(t::rows[1], 4096).shared_bytes == PLAN_SHARED);
static_assert(t::plan(t::rows[1], 4096).workspace_bytes == PLAN_WORKSPACE);
static_assert(t::plan(t::rows[1], 4096).dependent == PLAN_DEPENDENT);

int failures = 0;
void check(bool condition, int line) {
  if (condition) return;
  std::printf("line %d\n", line);
  ++failures;
}

int main() {
  const t::Row& row = t::rows[1];
  t::GemmArgs good = separate_args(4096, 4608, 4608);
  good.workspace = at(6);
  const auto refused = [&](auto change) {
    t::GemmArgs args = good;
    change(args);
    return t::argument_error(row, args) != nullptr;
  };
  check(t::argument_error(row, good) == nullptr, __LINE__);
  check(refused([](t::GemmArgs& a) { a.x = nullptr; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.w += 8; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.workspace = nullptr; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.sx = nullptr; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.bias = at(7); }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.m = 16; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.n = 4609; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.ldx = 4607; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.ldw = 4610; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.ldy = 1LL << 32; }), __LINE__);
  check(!refused([](t::GemmArgs& a) { a.ldy = 4609; }), __LINE__);
  const auto* x_end = good.x + 4096 * 4608;
  check(refused([&](t::GemmArgs& a) { a.y = const_cast<signed char*>(x_end - 16); }), __LINE__);
  check(!refused([&](t::GemmArgs& a) { a.y = const_cast<signed char*>(x_end); }), __LINE__);
  check(refused([&](t::GemmArgs& a) { a.workspace = a.y; }), __LINE__);
  check(refused([](t::GemmArgs& a) { a.workspace = static_cast<char*>(at(5)) + 1024 - PLAN_WORKSPACE; }), __LINE__);
  t::FusedGemmArgs untaken = good;
  untaken.r = at(7);
  const std::string_view said = t::argument_error(row, untaken);
  check(said == "r: if, and only if, the epilogue has a residual", __LINE__);
  return failures + other_translation_unit();
}
)";

std::string probe() { return plan_defines(sample_records()[1], 4096) + "int other_translation_unit();\n" + kProbe; }

}  // namespace

TEST_CASE("An exported header compiles everywhere without a warning, and says what the library says", "[compilers]") {
  const TempFolder folder;
  write_file(folder / "probe.cpp", probe());
  write_file(folder / "other.cpp",
             "#include \"tuned.h\"\nint other_translation_unit();\n"
             "int other_translation_unit() { return ditune_tuned::find(86, 16, 4608, 4608) ? 0 : 1; }\n");
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  write_file(folder / "tuned.h", exported(sample_records(), embed));
  for (const Compiler& compiler : compilers()) {
    INFO(compiler.name);
    const std::string program = (folder / "probe").string(), log = (folder / "log").string();
    const std::string runtime = " " DITUNE_CUDA_RUNTIME " -ldl -lrt -lpthread";
    const std::string sources = " " + (folder / "probe.cpp").string() + " " + (folder / "other.cpp").string();
    const int status =
        run(compiler.command + sources + " -o " + program + (compiler.name == "nvcc" ? "" : runtime), log);
    INFO(read_file(log));
    REQUIRE(status == 0);
    const int failures = run(program, log);
    INFO(read_file(log));
    CHECK(failures == 0);
  }
}

TEST_CASE("A header compiles where there is no CUDA, and with rows of several families") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::vector<TuningRecord> records = sample_records();
  records.push_back(hopper_record());
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  write_file(folder / "tuned.h", exported(records, embed));
  write_file(folder / "use.cpp",
             "#include \"tuned.h\"\nnamespace t = ditune_tuned;\n"
             "static_assert(t::plan(*t::find(90, 4352, 4608, 4608), 4352).cluster == 2);\n"
             "static_assert(t::plan(*t::find(86, 16, 4608, 4608), 16).cluster == 1);\n"
             "#ifdef LAUNCH\nauto* use = &t::launch;\n#endif\n");
  const std::string command =
      DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror -fsyntax-only " + (folder / "use.cpp").string();
  for (const std::string& with : {std::string(), kCudaInclude + (embed == Embed::cubin ? " -DLAUNCH" : "")}) {
    const int status = run(command + with, folder / "log");
    INFO(read_file(folder / "log"));
    CHECK(status == 0);
  }
}

TEST_CASE("The library and an exported header live in one program") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  write_file(folder / "tuned.h", exported(sample_records(), Embed::cubin));
  for (const char* const order : {"#include \"ditune/library.hpp\"\n#include \"tuned.h\"\n",
                                  "#include \"tuned.h\"\n#include \"ditune/library.hpp\"\n"}) {
    write_file(folder / "both.cpp", std::string(order) + "int main() { return ditune::ceil_div(1, 2) != 1; }\n");
    const std::string source = DITUNE_SOURCE_DIR;
    const std::string command = DITUNE_GXX " -std=c++20 -pedantic -Wall -Wextra -Werror -fsyntax-only -I" + source +
                                "/include -I" + source + "/templates/common -I" + source + "/templates/gemm_s8 -I" +
                                source + "/templates/quantize_s8" + kCudaInclude + " " + (folder / "both.cpp").string();
    const int status = run(command, folder / "log");
    INFO(read_file(folder / "log"));
    CHECK(status == 0);
  }
}

TEST_CASE("Two exports live in one program, in sources of their own, and not in one") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  write_file(folder / "one.h", exported(sample_records(), Embed::none));
  write_file(folder / "two.h", exported({hopper_record()}, Embed::none));
  write_file(folder / "one.cpp",
             "#include \"one.h\"\nbool one() { return ditune_tuned::find(86, 16, 4608, 4608) != nullptr; }\n");
  write_file(folder / "two.cpp",
             "#include \"two.h\"\nbool two() { return ditune_tuned::find(90, 4352, 4608, 4608) != nullptr; }\n");
  write_file(folder / "main.cpp", "bool one();\nbool two();\nint main() { return one() && two() ? 0 : 1; }\n");
  write_file(folder / "both.cpp", "#include \"one.h\"\n#include \"two.h\"\n");
  const std::string compiler = "cd " + folder.path().string() + " && " + DITUNE_GXX " -std=c++17 -O0 ";
  for (const char* const order : {"one.cpp two.cpp", "two.cpp one.cpp"})
    CHECK(run(compiler + order + " main.cpp -o both && ./both", folder / "log") == 0);
  CHECK(run(compiler + "-fsyntax-only both.cpp", folder / "log") != 0);
  CHECK(contains(read_file(folder / "log"), "one source includes two exports of ditune"));
}

TEST_CASE("No text of a record becomes code") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  std::vector<TuningRecord> records = sample_records();
  for (TuningRecord& record : records) {
    record.key.device.name = kEvil;
    record.provenance.gpu_uuid = record.provenance.when = record.provenance.ditune_version = kEvil;
  }
  const Embed embed = GENERATE(Embed::none, Embed::source, Embed::cubin);
  write_file(folder / "tuned.h", exported(records, embed));
  write_file(folder / "evil.cpp",
             "#include <cstdio>\n#include \"tuned.h\"\n"
             "int x;\n"  // twice would be an error
             "int main() { std::printf(\"%s\", ditune_tuned::rows[0].device.data()); }\n");
  const std::string program = (folder / "evil").string();
  const int status =
      run(DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror " + (folder / "evil.cpp").string() + " -o " + program,
          folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(status == 0);
  REQUIRE(run(program, folder / "log") == 0);
  CHECK(read_file(folder / "log") == kEvil);
}

TEST_CASE("A header says how many rows it has, and how many of them were measured") {
  const std::vector<TuningRecord> one(1, sample_records()[0]);
  CHECK(contains(exported(one, Embed::none), "// 1 row, 1 of them measured; "));
  CHECK(contains(exported(sample_records(), Embed::none), " rows, "));
}
