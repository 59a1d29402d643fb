// SPDX-License-Identifier: Apache-2.0
#include "tuner/worker/worker.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "ditune/error.hpp"
#include "made_up_backend.hpp"
#include "runtime/child_process.hpp"
#include "tuner/worker/killed.hpp"

using namespace ditune;
using namespace ditune::test;
using namespace std::chrono_literals;

namespace {

const Target kTarget{Gemm{64, 128, 128, {.bias = Bias::f32}}, reference_device(SmArch{90})};

std::vector<KernelConfig> configs(std::size_t count) {
  std::vector<KernelConfig> all = enumerate(kTarget);
  all.resize(count);
  return all;
}

// `faults`: of the how-manieth config.
TuneBackend worker_with(const std::map<std::size_t, std::string>& faults, WorkerOptions options = {}) {
  options.command = {DITUNE_FAKE_WORKER};
  for (const auto& [i, fault] : faults) options.command.push_back(fault + "=" + format(configs(i + 1).back()));
  return worker_backend(options);
}

std::vector<std::string> failures(const std::vector<Measurement>& results) {
  std::vector<std::string> texts;
  for (const Measurement& result : results) texts.push_back(result.failure);
  return texts;
}

std::vector<std::string> none_but(std::size_t count, std::size_t guilty, const std::string& reason) {
  std::vector<std::string> texts(count);
  texts[guilty] = reason;
  return texts;
}

pid_t process_of(const TuneBackend& backend) { return std::stoi(backend.provenance().gpu_uuid); }

void check_same(const std::vector<Measurement>& a, const std::vector<Measurement>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].samples_us == b[i].samples_us);
    CHECK(a[i].median_us == b[i].median_us);
    CHECK(a[i].low_us == b[i].low_us);
    CHECK(a[i].high_us == b[i].high_us);
    CHECK(a[i].power_w == b[i].power_w);
    CHECK(a[i].resources == b[i].resources);
    CHECK(a[i].failure == b[i].failure);
  }
}

// Counts the workers that it starts, each a line of `log`.
TuneBackend counted_worker_with(const std::string& fault, const std::filesystem::path& log) {
  const std::string script = "echo >>'" + log.string() + "'; exec " DITUNE_FAKE_WORKER " '" + fault + "'";
  return worker_backend({.command = {"sh", "-c", script}});
}

bool no_child_is_left() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

}  // namespace

TEST_CASE("through a worker comes what its backend gives") {
  const std::vector<KernelConfig> all = configs(6);
  const TuneBackend direct = made_up_backend({{format(all[2]), "compile-error"}});
  const TuneBackend isolated = worker_with({{2, "compile-error"}});
  isolated.prepare(kTarget, all);
  check_same(isolated.compile(kTarget, all), direct.compile(kTarget, all));
  for (const Effort effort : {Effort::screen, Effort::decide, Effort::sustain})
    check_same(isolated.measure(kTarget, all, effort), direct.measure(kTarget, all, effort));
  CHECK(isolated.measure(kTarget, all, Effort::screen)[2].failure == "it does not compile");
  CHECK(isolated.cubin(kTarget, all[1]) == direct.cubin(kTarget, all[1]));
  CHECK(isolated.cubin(kTarget, all[1]).size() > 5'000'000);
  CHECK(isolated.cubin(kTarget, all[2]).empty());
  CHECK(isolated.remarks() == direct.remarks());
  Provenance from = isolated.provenance();
  CHECK(from.gpu_uuid != direct.provenance().gpu_uuid);  // another process
  from.gpu_uuid = direct.provenance().gpu_uuid;
  CHECK(from == direct.provenance());
}

TEST_CASE("a worker that does not measure makes a backend that does not") {
  CHECK_FALSE(worker_backend({.command = {DITUNE_FAKE_WORKER}, .measures = false}).measure);
}

TEST_CASE("who of several crashes the compiler is found out") {
  const TuneBackend backend = worker_with({{2, "compile-crash"}});
  const auto expected = none_but(4, 2, "the compiler crashed (signal 11)");
  CHECK(failures(backend.compile(kTarget, configs(4))) == expected);
  const pid_t worker = process_of(backend);
  CHECK(failures(backend.measure(kTarget, configs(4), Effort::screen)) == expected);
  CHECK(process_of(backend) == worker);  // nobody asked again for what is known
}

TEST_CASE("a worker that is killed while candidates are compiled together costs none of them") {
  const TuneBackend backend = worker_with({{1, "compile-kill-together"}});
  CHECK(failures(backend.compile(kTarget, configs(4))) == std::vector<std::string>(4));
  CHECK(failures(backend.measure(kTarget, configs(4), Effort::screen)) == std::vector<std::string>(4));
}

TEST_CASE("a candidate whose worker is killed each time has failed for now, after three kills and by a kill") {
  const auto [fault, reason] = GENERATE(table<std::string, std::string>({
      {"compile-kill", "the compiler was killed (signal 9)"},
      {"compile-terminate", "the compiler was killed (signal 15)"},
      {"run-kill", "the process that ran it was killed (signal 9)"},
  }));
  const TempFolder folder;
  const TuneBackend backend = counted_worker_with(fault + "=" + format(configs(2).back()), folder / "log");
  CHECK(failures(backend.measure(kTarget, configs(3), Effort::screen)) == none_but(3, 1, reason));
  CHECK(was_killed(reason));
  const auto workers = std::filesystem::file_size(folder / "log");
  CHECK(workers <= 5);  // three for the candidate, one for those beside it
  CHECK(failures(backend.measure(kTarget, configs(3), Effort::screen)) == none_but(3, 1, reason));
  CHECK(std::filesystem::file_size(folder / "log") > workers);  // asked for again, it is tried again
}

TEST_CASE("a compilation that does not end fails alone") {
  const TuneBackend backend = worker_with({{1, "compile-hang"}}, {.command = {}, .compile_limit = 1s});
  const std::string reason = "its compilation did not end within 1 s";
  CHECK(failures(backend.compile(kTarget, configs(4))) == none_but(4, 1, reason));
  CHECK_FALSE(was_killed(reason));  // by ditune it was, but for what it did
}

TEST_CASE("a candidate that takes its process down fails alone, and says how") {
  const auto [fault, reason] = GENERATE(table<std::string, std::string>({
      {"run-crash", "the process that ran it crashed (signal 11)"},
      {"run-exit", "the process that ran it ended with status 0"},
      {"run-cut", "the process that ran it ended with status 0"},
      {"run-garbage", "the process that ran it wrote what is no message"},
      {"run-lost", "an illegal memory access was encountered"},
      {"run-close", "the process that ran it closed its output"},
      {"time-crash", "the process that ran it crashed (signal 11)"},
  }));
  INFO(fault);
  const TuneBackend backend =
      worker_with({{3, fault}}, {.command = {}, .end_limit = fault == "run-close" ? 100ms : 10s});
  const std::vector<Measurement> results = backend.measure(kTarget, configs(5), Effort::screen);
  CHECK(failures(results) == none_but(5, 3, reason));
  std::vector<KernelConfig> others = configs(5);
  others.erase(others.begin() + 3);
  const std::vector<Measurement> direct = made_up_backend({}).measure(kTarget, others, Effort::screen);
  CHECK(results[4].samples_us == direct[3].samples_us);
}

TEST_CASE("a candidate that hangs fails alone") {
  const TuneBackend backend = worker_with({{0, "run-hang"}}, {.command = {}, .run_limit = 1s});
  CHECK(failures(backend.measure(kTarget, configs(3), Effort::screen)) == none_but(3, 0, "did not end within 1 s"));
}

TEST_CASE("several that fail in one batch are all named") {
  const TuneBackend backend = worker_with({{0, "run-crash"}, {1, "run-lost"}, {3, "time-crash"}, {4, "compile-crash"}});
  CHECK(failures(backend.measure(kTarget, configs(5), Effort::screen)) ==
        std::vector<std::string>{"the process that ran it crashed (signal 11)",
                                 "an illegal memory access was encountered", "",
                                 "the process that ran it crashed (signal 11)", "the compiler crashed (signal 11)"});
}

TEST_CASE("candidates that are fine alone have not failed") {
  const TuneBackend backend = worker_with({{1, "together-crash"}});
  CHECK(failures(backend.measure(kTarget, configs(3), Effort::screen)) == std::vector<std::string>(3));
}

TEST_CASE("what crashes while it is compiled ahead disturbs nobody, and has failed when its turn comes") {
  const TuneBackend backend = worker_with({{3, "compile-crash"}});
  backend.prepare(kTarget, configs(4));
  const std::vector<KernelConfig> first = configs(2);
  CHECK(failures(backend.measure(kTarget, first, Effort::screen)) == std::vector<std::string>(2));
  CHECK(failures(backend.compile(kTarget, configs(4))) == none_but(4, 3, "the compiler crashed (signal 11)"));
  CHECK(backend.cubin(kTarget, configs(4)[3]).empty());
}

TEST_CASE("what a worker prints is no message") {
  CHECK(failures(worker_with({{0, "run-print"}}).measure(kTarget, configs(2), Effort::screen)) ==
        std::vector<std::string>(2));
}

TEST_CASE("an error of the worker's backend is thrown here, and the worker stays") {
  const TuneBackend backend = worker_with({{1, "run-error"}});
  const pid_t worker = process_of(backend);
  CHECK_THROWS_AS(backend.measure(kTarget, configs(2), Effort::screen), CudaError);
  CHECK_THROWS_WITH(backend.measure(kTarget, configs(2), Effort::screen), "out of memory (free some)");
  CHECK(process_of(backend) == worker);
}

TEST_CASE("a worker that is killed between requests is replaced, and none stays behind") {
  {
    const TuneBackend backend = worker_with({});
    const pid_t worker = process_of(backend);
    REQUIRE(::kill(worker, SIGKILL) == 0);
    CHECK(failures(backend.measure(kTarget, configs(2), Effort::screen)) == std::vector<std::string>(2));
    CHECK(process_of(backend) != worker);
    CHECK(::kill(worker, 0) != 0);
  }
  CHECK(no_child_is_left());
}

TEST_CASE("no worker is started before it is needed") {
  const TuneBackend backend = worker_with({});
  CHECK(backend.remarks().empty());
  CHECK(no_child_is_left());
}

TEST_CASE("a worker that cannot work is an error") {
  const auto call = [](const std::vector<std::string>& command) {
    worker_backend({.command = command}).compile(kTarget, configs(1));
  };
  CHECK_THROWS_WITH(call({"/no/such/program"}), Catch::Contains("/no/such/program"));
  CHECK_THROWS_WITH(call({"sh", "-c", "exit 3"}), Catch::Contains("ended with status 3"));
  CHECK_THROWS_WITH(call({"sh", "-c", "echo hello; sleep 1000"}), Catch::Contains("no message"));
  CHECK_THROWS_WITH(call({DITUNE_FAKE_WORKER, "no-device"}), "no such device (choose another)");
  const TuneBackend without_device = worker_backend({.command = {DITUNE_FAKE_WORKER, "no-device"}});
  for (int time = 0; time < 2; ++time) CHECK_THROWS_AS(without_device.compile(kTarget, configs(1)), CudaError);
  const WorkerOptions silent{.command = {"sleep", "1000"}, .silence_limit = 100ms};
  CHECK_THROWS_WITH(call({"sh", "-c", "kill -KILL $$"}),
                    Catch::Contains("was killed (signal 9)") && Catch::Contains("(is memory short?)"));
  CHECK_THROWS_WITH(worker_backend(silent).compile(kTarget, configs(1)), Catch::Contains("silent"));
  CHECK(no_child_is_left());
}

TEST_CASE("two workers at once are two processes") {
  const TuneBackend first = worker_with({{0, "run-crash"}}), second = worker_with({});
  CHECK(process_of(first) != process_of(second));
  std::vector<Measurement> crashed;
  {
    const std::jthread thread([&] { crashed = first.measure(kTarget, configs(3), Effort::screen); });
    CHECK(failures(second.measure(kTarget, configs(3), Effort::screen)) == std::vector<std::string>(3));
  }
  CHECK(failures(crashed) == none_but(3, 0, "the process that ran it crashed (signal 11)"));
}

TEST_CASE("a worker whose parent is killed ends, even while a candidate hangs") {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // the orphan becomes this process's child, which sees it end
  pid_t worker = 0;
  {
    const std::vector<std::string> command = {DITUNE_FAKE_WORKER, "parent", "run-hang=" + format(configs(1)[0])};
    PipedChild parent(command);
    char text[32] = {};
    REQUIRE(::read(parent.socket(), text, sizeof text - 1) > 0);
    worker = std::stoi(text);
    CHECK(parent.end().how == Ending::How::stopped);
  }
  CHECK(::waitpid(worker, nullptr, 0) == worker);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  CHECK(no_child_is_left());
}
