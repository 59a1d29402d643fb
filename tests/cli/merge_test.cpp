// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "program.hpp"

TEST_CASE("merge takes what shards have, once, and says what") {
  const Workplace place;
  for (const std::string shard : {"0", "1"})
    REQUIRE(place
                .ditune("tune --gpu 'RTX 3090' --trials 1 --shape 64x1024x1024 --shape 128x1024x1024 --shard " + shard +
                        "/2 --db shard" + shard + ".db")
                .code == 0);
  Outcome outcome = place.ditune("merge all.db shard0.db shard1.db");
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  CHECK(outcome.out ==
        "shard0.db: 1 trial added, 1 winner taken, 0 rows refused\n"
        "shard1.db: 1 trial added, 1 winner taken, 0 rows refused\n");
  outcome = place.ditune("merge all.db shard1.db");
  CHECK(outcome.out == "shard1.db: 0 trials added, 0 winners taken, 0 rows refused\n");
  // The kernels were not taken: they are compiled for the header alone.
  const std::string merged = place.read("all.db");
  CHECK(place.ditune("export --db all.db --header tuned.h --embed cubin").code == 0);
  CHECK(place.read("all.db") == merged);
  CHECK(place.ditune("merge all.db shard0.db shard1.db --trust-binaries").code == 0);
  CHECK(place.ditune("export --db all.db --header tuned.h --embed cubin").code == 0);
}

TEST_CASE("databases on local file systems need no folder for temporary files") {
  const Workplace place;
  const std::string nowhere = "export TMPDIR=/nope";
  const std::string tune = "tune --gpu 'RTX 3090' --trials 1 --shape 64x1024x1024";
  Outcome outcome = place.ditune(tune + " --db one.db", nowhere);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 0);
  outcome = place.ditune("merge all.db one.db", nowhere);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 0);
}

TEST_CASE("merge makes nothing if one of the sources is none") {
  const Workplace place;
  REQUIRE(place.ditune("tune --gpu 'RTX 3090' --trials 1 --shape 64x1024x1024 --db one.db").code == 0);
  place.write("text.db", "no database");
  for (const std::string sources : {"one.db absent.db", "one.db text.db", "one.db all.db"}) {
    CAPTURE(sources);
    const Outcome outcome = place.ditune("merge all.db " + sources);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.find('\n') == outcome.err.size() - 1);
    CHECK(place.files() == std::vector<std::string>{"one.db", "text.db"});
  }
  CHECK(place.ditune("merge one.db one.db").err.find("into itself") != std::string::npos);
}
