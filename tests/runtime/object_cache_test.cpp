// SPDX-License-Identifier: Apache-2.0
#include "runtime/object_cache.hpp"

#include <chrono>
#include <fstream>

#include "catch.hpp"
#include "db/fixtures.hpp"

using namespace ditune;
namespace fs = std::filesystem;

TEST_CASE("What is stored is found, and nothing else") {
  const test::TempFolder folder;
  const ObjectCache cache(folder / "a/b");
  CHECK_FALSE(cache.find("key"));
  const fs::path path = cache.store("key", "bytes");
  REQUIRE(cache.find("key") == path);
  CHECK(test::read_file(path).starts_with("bytes"));
  CHECK_FALSE(cache.find("other"));
  cache.store("key", "newer");
  CHECK(test::read_file(*ObjectCache(folder / "a/b").find("key")).starts_with("newer"));
}

TEST_CASE("Damage is found wherever it is") {
  const test::TempFolder folder;
  const ObjectCache cache(folder.path());
  const fs::path path = cache.store("key", "bytes");
  const std::string good = test::read_file(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] ^= 1;
    std::ofstream(path, std::ios::binary) << bad;
    CHECK_FALSE(cache.find("key"));
    std::ofstream(path, std::ios::binary) << good.substr(0, at);
    CHECK_FALSE(cache.find("key"));
  }
  std::ofstream(path, std::ios::binary) << good;
  CHECK(cache.find("key"));
}

TEST_CASE("A work folder goes with all that is in it, an abandoned one when the cache is opened") {
  const test::TempFolder folder;
  const fs::path abandoned = folder / "compiling-abcdef", busy = folder / "compiling-ghijkl", foreign = folder / "else";
  {
    const WorkFolder work(folder.path());
    work.write("deep/down.cpp", "text");
    CHECK(work.read("deep/down.cpp") == "text");
    CHECK_FALSE(work.read("deep/up.cpp"));
  }
  CHECK(fs::is_empty(folder.path()));
  for (const fs::path& path : {abandoned, busy, foreign}) {
    fs::create_directory(path);
    std::ofstream(path / "kernel.cpp") << "text";
    if (path != busy) fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  const ObjectCache cache(folder.path());
  CHECK_FALSE(fs::exists(abandoned));
  CHECK(fs::exists(busy));
  CHECK(fs::exists(foreign));
}
