// SPDX-License-Identifier: Apache-2.0
#include "db/working_copy.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "catch.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// A server's folder and those of machines that mount it.
struct Site {
  TempFolder folder;
  std::filesystem::path database = folder / "server/tuning.db";

  Site() { std::filesystem::create_directory(folder / "server"); }

  WorkingCopy::Environment machine(const std::string& name) const {
    std::filesystem::create_directories(folder / name);
    return {.local_folder = folder / name,
            .file_system = [](const std::filesystem::path&) { return std::optional<std::string_view>("NFS"); }};
  }
  std::vector<std::string> files(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / name))
      if (entry.is_regular_file() && !entry.path().string().ends_with(".lock"))
        names.push_back(entry.path().filename().string());
    return names;
  }
};

std::size_t trials_in(const std::filesystem::path& path) { return Store::open_read_only(path).trials().size(); }

double winner_in(const std::filesystem::path& path) { return Store::open_read_only(path).winners().at(0).median_us; }

}  // namespace

TEST_CASE("File systems of the network are told by their numbers") {
  CHECK(network_file_system(std::int64_t{0x6969}) == "NFS");
  CHECK(network_file_system(static_cast<std::int64_t>(static_cast<std::int32_t>(0xff534d42))) == "CIFS");
  CHECK(network_file_system(std::int64_t{0x65735546}) == "FUSE");
  CHECK(network_file_system(std::int64_t{0xef53}) == std::nullopt);  // ext4
  CHECK(network_file_system(std::filesystem::path("/proc/self/not/there")) == std::nullopt);
}

TEST_CASE("A local database is worked on where it is") {
  const TempFolder folder;
  {
    WorkingCopy copy(folder / "t.db",
                     {.local_folder = folder / "local", .file_system = [](const auto&) { return std::nullopt; }});
    CHECK(copy.path() == folder / "t.db");
    CHECK(copy.file_system().empty());
    copy.merge_back();
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("A database of the network gets what is made in a local copy of it, whole, and the copy goes") {
  const Site site;
  Store::open(site.database).add(sample_trial({1, 4608, 4608}));
  {
    WorkingCopy copy(site.database, site.machine("a"));
    CHECK(copy.file_system() == "NFS");
    Store store = Store::open(copy.path());
    CHECK(store.trials().size() == 1);
    store.add(sample_trial({2, 4608, 4608}));
    store.set_winner(measured_record(), "cubin");
    CHECK(trials_in(site.database) == 1);
    copy.merge_back();
    CHECK(trials_in(site.database) == 2);
    const Store there = Store::open_read_only(site.database);
    CHECK(there.cubin(there.winners().at(0).cubin_hash) == "cubin");
    const auto written = std::filesystem::last_write_time(site.database);
    copy.merge_back();  // nothing new
    CHECK(std::filesystem::last_write_time(site.database) == written);
  }
  CHECK(site.files("server") == std::vector<std::string>{"tuning.db"});
  CHECK_FALSE(std::filesystem::exists(site.database.string() + ".lock"));
  CHECK(site.files("a").empty());
  CHECK(Database(site.database, Database::Mode::immutable).text("PRAGMA journal_mode") == "delete");
}

TEST_CASE("A database of the network is made by the first who merges back") {
  const Site site;
  WorkingCopy copy(site.database, site.machine("a"));
  Store::open(copy.path()).add(sample_trial());
  CHECK_FALSE(std::filesystem::exists(site.database));
  copy.merge_back();
  CHECK(trials_in(site.database) == 1);
}

TEST_CASE("A winner that changed on one side is the winner, one that changed on both is the better") {
  const Site site;
  Store::open(site.database).set_winner(measured_record({1, 1, 1}, 40));
  WorkingCopy a(site.database, site.machine("a")), b(site.database, site.machine("b"));
  Store::open(a.path()).set_winner(measured_record({1, 1, 1}, 50));  // tuned again, and slower now
  a.merge_back();
  CHECK(winner_in(site.database) == 50);
  b.merge_back();
  CHECK(winner_in(site.database) == 50);
  Store::open(b.path()).set_winner(measured_record({1, 1, 1}, 60));
  b.merge_back();
  CHECK(winner_in(site.database) == 50);
  Store::open(b.path()).set_winner(measured_record({1, 1, 1}, 45));
  b.merge_back();
  CHECK(winner_in(site.database) == 45);
}

TEST_CASE("A winner that was dropped on one machine goes, unless it changed on another") {
  const Site site;
  const TuningRecord dropped = measured_record({1, 4608, 4608}, 40), changed = measured_record({2, 4608, 4608}, 40);
  for (const TuningRecord& record : {dropped, changed}) Store::open(site.database).set_winner(record);
  WorkingCopy a(site.database, site.machine("a")), b(site.database, site.machine("b"));
  for (const TuningRecord& record : {dropped, changed}) Store::open(a.path()).remove_winner(record.key);
  Store::open(b.path()).set_winner(measured_record({2, 4608, 4608}, 50));
  b.merge_back();
  a.merge_back();
  b.merge_back();
  REQUIRE(Store::open_read_only(site.database).winners().size() == 1);
  CHECK(winner_in(site.database) == 50);
}

TEST_CASE("A winner of the database that no copy takes over stays there") {
  const Site site;
  TuningRecord illegal = measured_record({3, 1, 1});
  illegal.config = parse_config("mma_s8:tile=256x256x128,warps=2x4,stages=8");
  Store::open(site.database).set_winner(illegal);
  {
    WorkingCopy copy(site.database, site.machine("a"));
    CHECK(Store::open(copy.path()).winners().empty());
    Store::open(copy.path()).set_winner(measured_record());
    copy.merge_back();
  }
  CHECK(Store::open_read_only(site.database).winners().size() == 2);
}

TEST_CASE("Machines that merge back at once lose nothing") {
  const Site site;
  constexpr int kMachines = 6, kTrials = 8;
  std::atomic<int> failures = 0;
  std::vector<std::thread> machines;
  for (int machine = 0; machine < kMachines; ++machine)
    machines.emplace_back([&, machine] {
      try {
        WorkingCopy copy(site.database, site.machine(std::to_string(machine)));
        for (int i = 0; i < kTrials; ++i) {
          Store::open(copy.path()).add(sample_trial({1 + machine * kTrials + i, 4608, 4608}));
          copy.merge_back();
        }
      } catch (const std::exception&) {
        ++failures;
      }
    });
  for (std::thread& machine : machines) machine.join();
  CHECK(failures == 0);
  CHECK(trials_in(site.database) == kMachines * kTrials);
}

TEST_CASE("What a killed process left in the copy the next one brings back") {
  const Site site;
  const WorkingCopy::Environment machine = site.machine("a");
  in_child([&] {
    WorkingCopy copy(site.database, machine);
    Store store = Store::open(copy.path());
    store.add(sample_trial());
    store.set_winner(measured_record());
    ::_exit(0);
    return 0;
  });
  CHECK_FALSE(std::filesystem::exists(site.database));
  {
    WorkingCopy copy(site.database, machine);
    CHECK(trials_in(copy.path()) == 1);
    copy.merge_back();
  }
  CHECK(trials_in(site.database) == 1);
  CHECK(winner_in(site.database) == 41.5);
  CHECK(site.files("a").empty());
}

TEST_CASE("A copy that was not merged back, or that another works on, stays") {
  const Site site;
  { Store::open(WorkingCopy(site.database, site.machine("a")).path()).add(sample_trial()); }
  const auto first = std::make_unique<WorkingCopy>(site.database, site.machine("a"));
  {
    WorkingCopy copy(site.database, site.machine("a"));
    CHECK(copy.path() == first->path());
    Store::open(copy.path()).add(sample_trial({1, 4608, 4608}));
    copy.merge_back();
  }
  CHECK(trials_in(first->path()) == 2);
  CHECK(trials_in(site.database) == 2);
}

TEST_CASE("Who works on the database for long is not taken for dead", "[many]") {
  const Site site;
  constexpr int kMachines = 2,
                kTrials = 8000;  // a merge of so many takes several times the patience
  std::atomic<int> at_work = kMachines;
  std::vector<std::thread> machines;
  for (int machine = 0; machine < kMachines; ++machine)
    machines.emplace_back([&, machine] {
      WorkingCopy::Environment environment = site.machine(std::to_string(machine));
      environment.patience = std::chrono::milliseconds(200);
      WorkingCopy copy(site.database, environment);
      Store store = Store::open(copy.path());
      store.atomically([&] {
        for (int i = 0; i < kTrials; ++i) store.add(sample_trial({1 + machine * kTrials + i, 4608, 4608}));
      });
      copy.merge_back();
      --at_work;
    });
  int holders = 0;
  for (std::string holder; at_work > 0; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    std::ifstream file(site.database.string() + ".lock");
    const std::string now(std::istreambuf_iterator<char>(file), {});
    if (now.empty() || now == holder) continue;
    holder = now;
    ++holders;
  }
  for (std::thread& machine : machines) machine.join();
  CHECK(holders <= kMachines + 1);  // a sign of life may come late on a busy machine; without any there are many
  CHECK(trials_in(site.database) == kMachines * kTrials);
}

TEST_CASE("The lock of a process that died is taken") {
  const Site site;
  WorkingCopy::Environment machine = site.machine("a");
  machine.patience = std::chrono::milliseconds(100);
  WorkingCopy copy(site.database, machine);
  Store::open(copy.path()).add(sample_trial());
  write_file(site.database.string() + ".lock", "a process that died");
  copy.merge_back();
  CHECK(trials_in(site.database) == 1);
  CHECK_FALSE(std::filesystem::exists(site.database.string() + ".lock"));
}

TEST_CASE("Where the database cannot be replaced the copy is named and kept") {
  const Site site;
  std::filesystem::path local;
  {
    WorkingCopy copy(site.database, site.machine("a"));
    local = copy.path();
    Store::open(local).add(sample_trial());
    std::filesystem::remove_all(site.database.parent_path());
    CHECK(contains(error_of<Error>([&] { copy.merge_back(); }), local.string()));
  }
  CHECK(trials_in(local) == 1);
}

TEST_CASE("What is no database of ours is no more one on the network") {
  const Site site;
  write_file(site.database, std::string(5000, 'x'));
  CHECK(contains(error_of<Error>([&] { WorkingCopy(site.database, site.machine("a")); }), site.database.string()));
  CHECK(read_file(site.database) == std::string(5000, 'x'));
}

TEST_CASE("A folder that another user made holds no copies") {
  const Site site;
  const WorkingCopy::Environment machine = site.machine("a");
  const std::filesystem::path folder = machine.local_folder / ("ditune-" + std::to_string(::geteuid()));
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms(0777));
  CHECK(contains(error_of<Error>([&] { WorkingCopy(site.database, machine); }), "belongs to others"));
}

TEST_CASE("A local folder that takes no files is named, with what to do about it") {
  const Site site;
  WorkingCopy::Environment machine = site.machine("a");
  machine.local_folder = "/proc/nowhere";
  CHECK_THROWS_WITH(WorkingCopy(site.database, machine),
                    Catch::StartsWith("cannot make the folder /proc/nowhere/ditune-") &&
                        Catch::EndsWith(" (set TMPDIR to a folder that has room and can be written)"));
  CHECK(site.files("server").empty());
}
