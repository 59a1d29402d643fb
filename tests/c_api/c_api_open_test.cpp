// SPDX-License-Identifier: Apache-2.0
// What a runtime of the C ABI is opened with: databases, NVRTC, and callbacks for misses.
#include <ditune/ditune.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "c_api/gemm_calls.hpp"
#include "catch.hpp"
#include "db/fixtures.hpp"
#include "db/sqlite.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("c: an error is valid UTF-8, whatever it quotes") {
  const Opened opened;
  const std::string absent = (opened.folder / "caf\xe9 caf\xc3\xa9.db").string();
  ditune_open_options options = opened.options;
  const char* name = absent.c_str();
  options.databases = &name;
  ditune_runtime runtime = 0;
  CHECK(ditune_open(&options, &runtime) == DITUNE_DATABASE_ERROR);
  CHECK(says("caf  caf\xc3\xa9.db"));
}

TEST_CASE("c: a database that is not there, or is none, is told") {
  const Opened opened;
  const std::string absent = (opened.folder / "absent.db").string();
  ditune_open_options options = opened.options;
  const char* name = absent.c_str();
  options.databases = &name;
  ditune_runtime runtime = 0;
  CHECK(ditune_open(&options, &runtime) == DITUNE_DATABASE_ERROR);
  CHECK(says("absent.db"));
  write_file(opened.folder / "absent.db", "no database");
  CHECK(ditune_open(&options, &runtime) == DITUNE_DATABASE_ERROR);
  CHECK(runtime == 0);
}

TEST_CASE("c: NVRTC is taken from the file that the options name") {
  Opened opened;
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  opened.options.database_count = 0;
  opened.options.nvrtc = "/nowhere/libnvrtc.so";
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  ditune_kernel_info info{};
  info.size = sizeof info;
  REQUIRE(ditune_query(opened.prepare(), &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_DEFAULT);
  CHECK_THAT(info.note, Catch::Contains("NVRTC is not there: tried /nowhere/libnvrtc.so: "));

  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  opened.options.size = offsetof(ditune_open_options, nvrtc);  // a program that knows nothing of it
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  REQUIRE(ditune_query(opened.prepare(), &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_MODEL);
}

TEST_CASE("c: a runtime that never compiles serves a miss by what is built in, and stored winners as ever") {
  Opened opened;
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  std::int32_t told = -1;
  opened.options.user = &told;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t match, const char*, void* user) {
    *static_cast<std::int32_t*>(user) = match;
  };
  opened.options.compile = DITUNE_COMPILE_NEVER;
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  ditune_kernel_info info{};
  info.size = sizeof info;
  const auto match = [&](const ditune_problem& its) {
    ditune_kernel kernel{};
    REQUIRE(ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_OK);
    REQUIRE(ditune_query(kernel, &info) == DITUNE_OK);
    return info.match;
  };
  CHECK(match(problem()) == DITUNE_MATCH_EXACT);
  CHECK(match(problem(100)) == DITUNE_MATCH_NEAREST_M);
  ditune_problem missed = problem(33);
  missed.n = 64;
  CHECK(match(missed) == DITUNE_MATCH_DEFAULT);
  CHECK_THAT(info.note, Catch::StartsWith("this runtime compiles no kernels (tune on this device"));
  CHECK(told == DITUNE_MATCH_DEFAULT);
  const ditune_device card = device("RTX 3090");
  ditune_kernel_info found{};
  found.size = sizeof found;
  CHECK(ditune_lookup(opened.runtime, &card, &missed, &found) == DITUNE_OK);
  CHECK(found.match == DITUNE_MATCH_DEFAULT);
  CHECK(std::string(found.config) == info.config);
  CHECK(found.workspace_bytes == info.workspace_bytes);

  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  opened.options.size = offsetof(ditune_open_options, compile);  // a program that knows nothing of it
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  CHECK(match(missed) == DITUNE_MATCH_MODEL);
  CHECK(told == DITUNE_MATCH_MODEL);

  opened.options.size = sizeof opened.options;
  opened.options.compile = 2;
  ditune_runtime runtime = 0;
  CHECK(ditune_open(&opened.options, &runtime) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("compile is 2 (use one of the header's words)"));
}

TEST_CASE("c: where nothing is compiled a winner without its kernel is a miss") {
  Opened opened;
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  opened.options.compile = DITUNE_COMPILE_NEVER;
  const ditune_problem asked = problem();
  const ditune_device card = device("RTX 3090");
  for (const char* const damage :
       {"UPDATE winners SET cubin_hash = NULL", "UPDATE winners SET template_hash = '0000000000000000'"}) {
    Database(opened.file, Database::Mode::read_write).execute(damage);
    REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
    ditune_kernel_info found{}, info{};
    found.size = info.size = sizeof info;
    CHECK(ditune_lookup(opened.runtime, &card, &asked, &found) == DITUNE_OK);
    CHECK(found.match == DITUNE_MATCH_DEFAULT);
    REQUIRE(ditune_query(opened.prepare(), &info) == DITUNE_OK);
    CHECK(info.match == DITUNE_MATCH_DEFAULT);
    CHECK(std::string(found.config) == info.config);
    REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  }
}

TEST_CASE("c: rows that are skipped are counted, and their problems are misses") {
  Opened opened;
  std::int64_t rows = -1;
  CHECK(ditune_skipped_rows(opened.runtime, &rows) == DITUNE_OK);
  CHECK(rows == 0);
  CHECK(ditune_skipped_rows(opened.runtime, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_skipped_rows(opened.runtime + 256, &rows) == DITUNE_INVALID_HANDLE);
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  Database(opened.file, Database::Mode::read_write).execute("UPDATE winners SET registers = -1");
  int misses = 0;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t, const char*, void* user) {
    ++*static_cast<int*>(user);
  };
  opened.options.user = &misses;
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  CHECK(ditune_skipped_rows(opened.runtime, &rows) == DITUNE_OK);
  CHECK(rows == 2);
  opened.prepare();
  CHECK(misses == 1);
}

TEST_CASE("c: a miss is told with the command that tunes it") {
  Opened opened;
  struct Told {
    int count = 0;
    std::string command;
    std::int64_t m = 0;
    std::int32_t match = -1;
  } told;
  opened.options.user = &told;
  opened.options.on_miss = [](const ditune_problem* missed, std::int32_t match, const char* command, void* user) {
    auto& its = *static_cast<Told*>(user);
    ++its.count;
    its.command = command;
    its.m = missed->m;
    its.match = match;
  };
  ditune_runtime runtime = 0;
  REQUIRE(ditune_open(&opened.options, &runtime) == DITUNE_OK);
  ditune_problem its = problem(33);
  its.n = 64;
  its.k = 96;
  its.bias = DITUNE_BIAS_BF16;
  ditune_kernel kernel{};
  CHECK(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_OK);
  CHECK(ditune_prepare(runtime, 1, &its, &kernel) == DITUNE_OK);  // a card of the same class
  CHECK(told.count == 1);
  CHECK(told.command ==
        "ditune tune --operation gemm_s8:m=33,n=64,k=96,bias=bf16 --gpu 'NVIDIA GeForce RTX 3090' --db " + opened.file);
  CHECK(told.m == 33);
  CHECK(told.match == DITUNE_MATCH_MODEL);
  CHECK(ditune_close(runtime) == DITUNE_OK);
}

TEST_CASE("c: the command of a miss names the GPU that was asked for, the regime and the file to tune into") {
  Opened opened;
  std::string command;
  opened.options.user = &command;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t, const char* its, void* user) {
    *static_cast<std::string*>(user) = its;
  };
  const auto told = [&](const ditune_device& card) {
    ditune_runtime runtime = 0;
    REQUIRE(ditune_open(&opened.options, &runtime) == DITUNE_OK);
    ditune_problem its = problem(33);
    its.n = 64;
    ditune_kernel_info info{};
    info.size = sizeof info;
    CHECK(ditune_lookup(runtime, &card, &its, &info) == DITUNE_OK);
    CHECK(ditune_close(runtime) == DITUNE_OK);
    return command.substr(command.find(" --gpu"));
  };
  CHECK(told(device("H100")) == " --gpu 'NVIDIA H100 80GB HBM3' --db " + opened.file);
  CHECK(told(device("NVIDIA Someone's\nCard", 86, 40)).starts_with(" --gpu 'NVIDIA Someone'\\''s Card' --db /"));
  opened.options.regime = DITUNE_REGIME_SUSTAINED;
  CHECK(told(device("RTX 3090")) == " --gpu 'NVIDIA GeForce RTX 3090' --db " + opened.file + " --regime sustained");
  opened.options.regime = DITUNE_REGIME_BURST;
  opened.options.tune_database = "my records.db";
  CHECK(told(device("RTX 3090")) ==
        " --gpu 'NVIDIA GeForce RTX 3090' --db '" + std::filesystem::absolute("my records.db").string() + "'");
  opened.options.tune_database = "";
  CHECK(told(device("RTX 3090")).ends_with(" --db " + opened.file));
  opened.options.size = offsetof(ditune_open_options, tune_database);  // a program that knows nothing of it
  CHECK(told(device("RTX 3090")).ends_with(" --db " + opened.file));
  opened.options.size = sizeof opened.options;
  opened.options.database_count = 0;
  CHECK(told(device("RTX 3090")) == " --gpu 'NVIDIA GeForce RTX 3090'");
}

TEST_CASE("c: what a callback throws does not cross the border, and is one line") {
  Opened opened;
  const char* text = "an error\nof two lines";
  opened.options.user = &text;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t, const char*, void* user) {
    throw std::runtime_error(*static_cast<const char**>(user));
  };
  ditune_runtime runtime = 0;
  REQUIRE(ditune_open(&opened.options, &runtime) == DITUNE_OK);
  ditune_problem its = problem(33);
  its.n = 64;
  ditune_kernel kernel{};
  CHECK(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_INTERNAL);
  CHECK(std::string(ditune_last_error()) == "an error of two lines");
  text = "";
  its.n = 128;
  CHECK(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_INTERNAL);
  CHECK(std::string(ditune_last_error()) == "an error that does not say what it is");
  CHECK(ditune_close(runtime) == DITUNE_OK);
}
