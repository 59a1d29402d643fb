// SPDX-License-Identifier: Apache-2.0
// A second kind of operation and a third family of gemm_s8 go all the way, by what docs/hacking.md says of them alone.
#include <algorithm>

#include "catch.hpp"
#include "core/kinds.hpp"
#include "db/export_header.hpp"
#include "db/store.hpp"
#include "ditune/error.hpp"
#include "ditune/library.hpp"
#include "generator/emit.hpp"
#include "generator/fallback.hpp"
#include "generator/launch_plan.hpp"
#include "lookup/serving.hpp"
#include "runtime/fake_driver.hpp"
#include "runtime/runtime_parts.hpp"
#include "templates/embedded.hpp"
#include "tests/db/fixtures.hpp"
#include "tests/error_of.hpp"
#include "tuner/search/search.hpp"
#include "tuner/verify/cpu_verifier.hpp"
#include "tuner/verify/host_problem.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const DeviceInfo& kCard = find_device("RTX 3090");
const Copy kCopy{300, 70, CopyType::bf16};
const Gemm kGemm{70, 130, 48, {.out = Output::f32}};

TuningRecord winner(const Operation& operation, const char* config) {
  TuningRecord record = measured_record();
  record.config = parse_config(config);
  record.key = {device_class(kCard), operation, template_hash(record.config)};
  return record;
}

std::vector<TuningRecord> winners() { return {winner(kCopy, "copy_rows:rows=4"), winner(kGemm, "plain_s8:tile=4x32")}; }

std::vector<KernelConfig> family_of(std::vector<KernelConfig> configs, std::string_view family) {
  std::erase_if(configs, [&](const KernelConfig& config) { return family_name(config) != family; });
  return configs;
}

std::string failures(const Operation& operation, const std::vector<KernelConfig>& configs) {
  const CpuVerifier verifier({DITUNE_CXX, DITUNE_OBJECTS}, {.threads = 1});
  std::string all;
  for (const EmulatedVerdict& its : verifier.verify({operation, kCard}, configs)) all += its.verdict.failure;
  return all;
}

}  // namespace

TEST_CASE("an operation of a second kind has a text form, and so has its family's config") {
  for (const char* text : {"copy:m=3,k=4", "copy:m=1000000,k=4608,type=bf16"})
    CHECK(format(parse_operation(text)) == text);
  CHECK(describe_sizes(parse_operation("copy:m=3,k=4")) == "3x4");
  CHECK(format_layer(kCopy) == "k=70,type=bf16");
  CHECK(parse_layer("copy", "k=70,type=bf16") == with_rows(kCopy, 1));
  CHECK(is_lt(compare_layers(kGemm, kCopy)));
  CHECK_THROWS_AS(parse_operation("copy:m=0,k=4"), UsageError);
  CHECK(contains(error_of([] { parse_operation("cpy:m=1,k=4"); }), "copy"));
  for (const char* text : {"copy_rows:rows=4", "copy_rows:rows=1,warps=32", "plain_s8:tile=4x32"})
    CHECK(format(parse_config(text)) == text);
}

TEST_CASE("candidates are those of the operation's kind, a family's stub is what its kernel needs") {
  const std::vector<KernelConfig> copies = enumerate({kCopy, kCard});
  CHECK(copies.size() == 6);
  CHECK(family_of(copies, "copy_rows").size() == 6);
  const std::vector<KernelConfig> gemms = enumerate({kGemm, kCard});
  CHECK(family_of(gemms, "plain_s8").size() == 2);
  CHECK(family_of(gemms, "mma_s8").size() == gemms.size() - 2);
  CHECK(family_of(enumerate({Gemm{70, 130, 48}, kCard}), "plain_s8").empty());
  CHECK(refusal(copies.front(), {kGemm, kCard})->constraint == "kind");
  CHECK(launch_plan(parse_config("copy_rows:rows=4"), {kCopy, kCard}).grid == 75);

  const KernelSource source = emit(parse_config("copy_rows:rows=4"), kCopy);
  CHECK(source.name == "copy_rows_rows_4_bf16");
  CHECK(contains(source.text, "constexpr ditune::CopyType kType{\n    ditune::CopyType::bf16};\n"));
  CHECK(contains(emit_standalone(parse_config("copy_rows:rows=4"), kCopy).text, "void copy_row(const CopyArgs& args"));
}

TEST_CASE("every strategy searches among them") {
  for (const char* name : {"guided", "halving", "local", "random", "exhaustive"}) {
    const std::unique_ptr<Strategy> strategy = make_strategy(name, {kCopy, kCard}, {}, 1);
    CHECK(strategy->size() == 6);
    std::vector<Scored> results;
    for (const KernelConfig& config : strategy->propose(3)) results.push_back({config, 10});
    CHECK_FALSE(results.empty());
    strategy->observe(results);
  }
}

TEST_CASE("kernels are verified under emulation, and one that is wrong is found") {
  CHECK(failures(kCopy, enumerate({kCopy, kCard})) == "");
  CHECK(failures(Copy{33, 40}, {parse_config("copy_rows:rows=4")}) == "");
  CHECK(failures(kGemm, family_of(enumerate({kGemm, kCard}), "plain_s8")) == "");

  std::vector<EmbeddedFile> templates(embedded_templates().begin(), embedded_templates().end());
  std::string wrong;
  for (EmbeddedFile& file : templates)
    if (file.name == "copy_rows.cuh") {
      wrong = file.text;
      wrong.replace(wrong.find("k < args.k"), 10, "k + 1 < args.k");
      file.text = wrong;
    }
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  const KernelConfig config = parse_config("copy_rows:rows=4");
  const HostProblem problem({kCopy, kCard}, packed_strides(kCopy), {});
  CHECK(contains(problem.run(compiler.compile(emit(config, kCopy), templates), config, 1).failure, "outputs wrong"));
}

TEST_CASE("winners are stored and looked up, with the rows between") {
  const TempFolder folder;
  Store store = Store::open(folder / "toy.db");
  for (const TuningRecord& record : winners()) CHECK(store.set_winner(record, "a cubin"));
  Trial trial = sample_trial();
  trial.key = winners().front().key;
  trial.config = winners().front().config;
  store.add(trial);
  CHECK(same(store.trials({.operation = kCopy}).at(0), trial));
  CHECK(store.winners({.operation = kCopy}).size() == 1);
  CHECK(store.winners({.operation = Copy{300, 70}}).empty());

  const Library library(store.winners());
  CHECK(library.lookup(kCopy, kCard).match == Match::exact);
  const LookupResult between = library.lookup(with_rows(kCopy, 301), kCard);
  CHECK(between.match == Match::nearest_m);
  CHECK(format(between.config) == "copy_rows:rows=4");
  CHECK(between.plan.grid == 76);
  const std::vector<TuningRecord> copies{winners().front()};
  const TuningRecord* const only = copies.data();
  CHECK(serve({&only, 1}, kCard).back().m_last == Kind<Copy>::kMaxRows);
  CHECK(library.lookup(Copy{300, 71}, kCard).match == Match::model);
  CHECK(format(library.lookup(kGemm, kCard).config) == "plain_s8:tile=4x32");
}

TEST_CASE("a kind without built-in kernels is served by what can be loaded, and else by none") {
  CHECK_FALSE(fallback_config(kCopy));
  CHECK(family_name(*fallback_config(kGemm)) == "mma_s8");
  CHECK_THROWS_AS(emit_fallback(parse_config("copy_rows:rows=4")), UsageError);
  RuntimeParts parts;
  parts.records = winners();
  parts.driver = std::make_shared<FakeDriver>();
  parts.stored = [](const TuningRecord&) { return "a cubin"; };
  const Runtime runtime(std::move(parts));
  CHECK(runtime.prepare(kCopy, 0).match() == Match::exact);
  CHECK_THROWS_AS(runtime.prepare(Copy{1, 1}, 0), NoKernelError);
  CHECK(contains(error_of<NoKernelError>([&] { runtime.prepare(Copy{1, 1}, 0); }), "and none of copy is built in"));
  CHECK(runtime.prepare(Gemm{1, 1, 1}, 0).match() == Match::fallback);
}

TEST_CASE("an exported header has the rows of kinds that bring a part of it, and says which do not") {
  const TempFolder folder;
  const HeaderText text = export_header(winners(), {.embed = Embed::source});
  CHECK(text.left_out == std::vector<std::string>{"copy"});
  CHECK(contains(text.header, "// 1 row, 1 of them measured"));
  write_file(folder / "tuned.h", text.header);
  write_file(folder / "use.cpp",
             "#include \"tuned.h\"\nnamespace t = ditune_tuned;\n"
             "static_assert(t::plan(*t::find(86, 70, 130, 48, \"out=f32\"), 70).grid == 90);\n"
             "static_assert(t::find(86, 70, 130, 48, \"out=f32\")->config == \"plain_s8:tile=4x32\");\n");
  CHECK(std::system(
            (DITUNE_CXX " -std=c++17 -Wall -Wextra -Werror -fsyntax-only " + (folder / "use.cpp").string()).c_str()) ==
        0);
  CHECK(contains(error_of([] { export_header({winners().front()}, {}); }), "no header has rows of copy"));
}
