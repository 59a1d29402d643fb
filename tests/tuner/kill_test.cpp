// SPDX-License-Identifier: Apache-2.0
// A tuning run that is killed at any moment loses nothing that it said was done, and ends as if nobody had killed it.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <thread>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "fake_gpu.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

using Seconds = std::chrono::duration<double>;

// The program of victim/main.cpp at work. What it says goes to a pipe that holds all of it.
class Victim {
 public:
  explicit Victim(const std::filesystem::path& db) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
    said_ = pipe[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    std::string program = DITUNE_VICTIM, file = db.string();
    std::array<char*, 3> words{program.data(), file.data(), nullptr};
    const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    if (failed) throw std::system_error(failed, std::generic_category(), program);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  ~Victim() {
    if (pid_ != 0) ::kill(pid_, SIGKILL), end();
    ::close(said_);
  }

  void kill() { ::kill(pid_, SIGKILL); }

  // Waits for it; whether it ended by itself.
  bool end() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    if (WIFSIGNALED(status)) return false;
    REQUIRE(WEXITSTATUS(status) == 0);
    return true;
  }

  // How many trials it said were in the file.
  std::size_t committed() const {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t count = 0; (count = ::read(said_, part.data(), part.size())) > 0;)
      text.append(part.data(), static_cast<std::size_t>(count));
    text.erase(text.find_last_of('\n') == std::string::npos ? 0 : text.find_last_of('\n'));
    const std::size_t last = text.find_last_of('\n');
    return text.empty() ? 0 : std::stoul(text.substr(last == std::string::npos ? 0 : last + 1));
  }

 private:
  pid_t pid_ = 0;
  int said_ = -1;
};

struct Answer {
  std::string problem, config;
  double us;
  bool operator==(const Answer&) const = default;
};

std::vector<Answer> answers(const std::filesystem::path& db) {
  std::vector<Answer> all;
  for (const TuningRecord& record : Store::open_read_only(db).winners())
    all.push_back({format(record.key), format(record.config), record.median_us});
  return all;
}

// A short look is recalled, not repeated; it is told from a final by its time.
void check_screened_once(const Store& store) {
  std::set<std::string> seen;
  for (const Trial& trial : store.trials()) {
    const Target target{trial.key.operation, reference_device(SmArch{86})};
    if (trial.measurement.median_us != FakeGpu::cost(trial.config, target, Effort::screen)) continue;
    INFO(format(trial.config));
    CHECK(seen.insert(format(trial.key) + format(trial.config)).second);
  }
  CHECK(!seen.empty());
}

}  // namespace

TEST_CASE("killed at 200 random moments: every committed trial stays, and the run ends with the same winners",
          "[many]") {
  const TempFolder folder;
  const auto began = std::chrono::steady_clock::now();
  Victim whole(folder / "whole.db");
  REQUIRE(whole.end());
  const Seconds duration = std::chrono::steady_clock::now() - began;
  const std::vector<Answer> expected = answers(folder / "whole.db");
  REQUIRE(expected.size() == 3);

  std::mt19937 random(200);
  std::uniform_real_distribution<double> moment(0, duration.count() / 2);
  int kills = 0, runs = 0;
  std::size_t before = 0;
  std::filesystem::path db = folder / "0.db";
  while (kills < 200 || runs <= 3) {  // of a busy machine more kills are in front of the last end
    REQUIRE(kills < 5000);
    Victim victim(db);
    std::this_thread::sleep_for(Seconds(moment(random)));
    victim.kill();
    const bool done = victim.end();
    kills += done ? 0 : 1;
    if (!std::filesystem::exists(db)) continue;  // killed before it was there
    INFO(db << " after " << kills << " kills");
    // As the next run finds it. An empty file is one that was being made.
    const Store store = Store::open(db);
    CHECK(Database(db, Database::Mode::read_only).text("PRAGMA integrity_check") == "ok");
    const std::size_t found = store.trials().size();
    CHECK(store.skipped_rows() == 0);
    REQUIRE(found >= std::max(before, victim.committed()));
    before = found;
    if (!done) continue;
    CHECK(answers(db) == expected);
    check_screened_once(store);
    before = 0;
    db = folder / (std::to_string(++runs) + ".db");
  }
}
