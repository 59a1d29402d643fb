// SPDX-License-Identifier: Apache-2.0
#include "ditune/runtime.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "gemm.hpp"
#include "generator/gemm_s8/fallback.hpp"
#include "generator/search_space.hpp"
#include "runtime/runtime_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("runtime: a stored kernel is loaded without a compiler, once for each device") {
  Fixture f({Row{}}, false);
  const Prepared& prepared = f.runtime->prepare(kProblem, 1);
  CHECK(prepared.match() == Match::exact);
  CHECK(prepared.config() == kBig);
  CHECK(prepared.device() == 1);
  CHECK(prepared.note().empty());
  CHECK(prepared.workspace_bytes() == 0);
  CHECK(&f.runtime->prepare(kProblem, 1) == &prepared);
  CHECK(f.driver->loaded == std::vector<std::string>{"1: stored, " + shared(kBig)});
  f.runtime->prepare(kProblem, 0);
  CHECK(f.driver->loaded.size() == 2);
  CHECK(f.runtime->prepare(Gemm{4000, 4608, 4608}, 0).match() == Match::nearest_m);
  CHECK(f.driver->loaded.size() == 2);  // the same kernel
}

TEST_CASE("runtime: a stored kernel that does not fit the device is compiled, and that is said") {
  Fixture f({{.cubin_hash = "bad image"}});
  const Prepared& prepared = f.runtime->prepare(kProblem, 0);
  CHECK(f.compilations == 1);
  CHECK(f.driver->loaded == std::vector<std::string>{"0: compiled for sm_86, " + shared(kBig)});
  CHECK_THAT(prepared.note(), Catch::Contains("no kernel image"));
}

TEST_CASE("runtime: the kernel of older templates is never loaded") {
  Fixture f({Row{.stale = true}});
  CHECK(f.runtime->prepare(kProblem, 0).match() == Match::stale);
  CHECK(f.reads == 0);
  CHECK(f.compilations == 1);
}

TEST_CASE("runtime: with no database and no compiler what is built in serves every problem and epilogue") {
  Fixture f({}, false);
  for (const Gemm problem : {kProblem, Gemm{1, 1, 1}, {17, 33, 7}, {4096, 4608, 4604}})
    for (const char* text : {"default", "bias=bf16", "sx=tensor,sw=tensor,bias=f32,out=f16", "out=s32"}) {
      const Epilogue epilogue = parse_epilogue(text);
      const Prepared& prepared = f.runtime->prepare(with(problem, epilogue), 0);
      CHECK(prepared.match() == Match::fallback);
      CHECK_FALSE(refusal(prepared.config(), {with(problem, epilogue), kCard}));
      CHECK_THAT(prepared.note(), Catch::Contains("there is no compiler"));
    }
  f.runtime->launch(f.runtime->prepare(Gemm{17, 33, 7}, 0), args({17, 33, 7}), kStream);
  CHECK(f.driver->launches.size() == 1);
  CHECK_THAT(f.driver->loaded.back(), Catch::Contains(".target sm_80"));
  CHECK(f.driver->loaded.size() == fallback_configs().size());  // whatever the epilogue
}

TEST_CASE("runtime: where no kernel can be had all the reasons are given") {
  Fixture f({{.cubin_hash = "bad image"}}, false);
  f.driver->refuses_ptx = true;
  const std::string said = error_of<NoKernelError>([&] { f.runtime->prepare(kProblem, 0); });
  CHECK_THAT(said, Catch::Contains("no kernel image") && Catch::Contains("there is no compiler"));
  CHECK(error_of<NoKernelError>([&] { f.runtime->prepare(kProblem, 0); }) == said);  // and is not kept as prepared
}

TEST_CASE("runtime: a device that is not there and an illegal problem are refused") {
  Fixture f({Row{}});
  CHECK_THAT(error_of([&] { f.runtime->prepare(kProblem, 2); }), Catch::Contains("no GPU 2, visible: 2"));
  CHECK_THROWS_AS(f.runtime->lookup(kProblem, -1), UsageError);
  CHECK_THROWS_AS(f.runtime->prepare(Gemm{0, 4608, 4608}, 0), UsageError);
}

TEST_CASE("runtime: eight threads that prepare and launch at once load each kernel once") {
  std::vector<Row> rows;
  std::vector<Gemm> problems;
  for (std::int64_t i = 0; i < 24; ++i) {
    problems.push_back({1 + 97 * i, 1024 + 64 * (i % 6), 4608});
    rows.push_back({.problem = problems.back(), .config = i % 2 == 0 ? kBig : kSplit});
  }
  Fixture f(rows);
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 10 * problems.size(); ++i) {
        const Gemm& problem = problems[(i * (2 * t + 1)) % problems.size()];
        try {
          const int device = static_cast<int>(i / 2 % 2);
          if (i % 3 == 0)
            f.runtime->launch(f.runtime->prepare(problem, device), args(problem), kStream);
          else
            f.runtime->launch(args(problem), {}, device, kStream);
        } catch (const Error&) {
          ++failed;
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(f.driver->launches.size() == 8 * 10 * problems.size());
  CHECK(f.driver->loaded.size() == 4);  // two configs on two devices
  CHECK(f.compilations == 0);
}

TEST_CASE("runtime: of several databases the first that knows a problem counts") {
  const TuningRecord mine = record({.us = 120}), theirs = record({.us = 100});
  const TuningRecord guess = record({.source = Source::predicted, .us = 90}), old = record({.stale = true, .us = 80});
  const TuningRecord other = record({.problem = {16, 4608, 4608}});
  const auto times = [](const std::vector<std::vector<TuningRecord>>& databases,
                        CompilePolicy policy = CompilePolicy::as_needed) {
    std::vector<double> us;
    for (const TuningRecord& its : in_order(databases, policy)) us.push_back(its.microseconds());
    return us;
  };
  CHECK(times({{mine}, {theirs}}) == std::vector<double>{120});
  CHECK(times({{theirs}, {mine}}) == std::vector<double>{100});
  CHECK(times({{guess}, {theirs}}) == std::vector<double>{90, 100});  // of which lookup takes the measured one
  CHECK(times({{mine}, {guess}}) == std::vector<double>{120});
  CHECK(times({{old}, {theirs}}) == std::vector<double>{80, 100});
  CHECK(times({{other}, {mine, theirs}}).size() == 3);  // within a file lookup chooses
  CHECK(times({}).empty());
  // What cannot be launched has none stand aside: what nobody may compile, and what no card takes.
  const TuningRecord bare = record({.cubin_hash = "", .us = 70});
  CHECK(times({{bare}, {theirs}}) == std::vector<double>{70});
  CHECK(times({{bare}, {theirs}}, CompilePolicy::never) == std::vector<double>{70, 100});
  CHECK(times({{theirs}, {bare}}, CompilePolicy::never) == std::vector<double>{100});
  const TuningRecord illegal = record({.config = parse_config("mma_s8:tile=256x256x128,warps=2x4,stages=8"), .us = 60});
  CHECK(times({{illegal}, {theirs}}) == std::vector<double>{60, 100});
}
