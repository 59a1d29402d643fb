// SPDX-License-Identifier: Apache-2.0
// Rows that do not validate are skipped, and every command that reads records says so.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "cli/program.hpp"

using Json = nlohmann::json;

namespace {

const std::string kTarget = " --gpu 'RTX 3090'";
const std::string kTune = "tune --trials 1" + kTarget;
const std::string kNote =
    "ditune: note: 2 winners are skipped, with a value that is wrong or out of range (ditune show "
    "--skipped lists them)\n";

// Three winners, two of them unsound.
void make_database(const Workplace& place) {
  REQUIRE(place.ditune(kTune + " --shape 64x1024x1024 --shape 128x1024x1024 --shape 256x1024x1024").code == 0);
  run_sql(place.path("tuning.db"),
          "UPDATE winners SET registers = -1 WHERE operation_id IN (SELECT id FROM operations WHERE rows > 64)");
}

void make_all_unsound(const Workplace& place) {
  make_database(place);
  run_sql(place.path("tuning.db"), "UPDATE winners SET registers = -1; UPDATE trials SET registers = -1");
}

}  // namespace

TEST_CASE("what reads winners says how many are skipped and how to see them") {
  const Workplace place;
  make_database(place);
  for (const std::string& command :
       {std::string("list"), std::string("show"), "lookup --shape 64x1024x1024" + kTarget,
        "verify --on cpu --shape 64x1024x1024" + kTarget, std::string("export --embed none --header t.h")}) {
    const Outcome outcome = place.ditune(command);
    CAPTURE(command, outcome.err);
    CHECK(outcome.code == 0);
    CHECK(outcome.err == kNote);
  }
  CHECK(place.ditune("doctor").out.find("1 winner, 2 skipped: see ditune show --skipped") != std::string::npos);
  for (const std::string& command :
       {std::string("list --json"), std::string("show --json"), "lookup --json --shape 64x1024x1024" + kTarget}) {
    CAPTURE(command);
    const Json rows = Json::parse(place.ditune(command).out);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].at("skipped_rows") == 2);
  }
}

TEST_CASE("skipped rows are counted where they are asked for, and named with --db as it was given") {
  const Workplace place;
  make_database(place);
  CHECK(place.ditune("list --shape 64x1024x1024").err.empty());
  const Outcome one = place.ditune("list --shape 64x1024x1024 --shape 128x1024x1024 --db ./tuning.db");
  CHECK(one.err ==
        "ditune: note: 1 winner is skipped, with a value that is wrong or out of range (ditune show --skipped --db "
        "./tuning.db lists it)\n");
  CHECK(Json::parse(place.ditune("list --json --shape 64x1024x1024").out)[0].contains("skipped_rows") == false);
}

TEST_CASE("the command that lists skipped rows is quoted as a shell takes it") {
  const Workplace place;
  make_database(place);
  std::filesystem::rename(place.path("tuning.db"), place.path("my $db.db"));
  const std::string db = "'my $db.db'";
  CHECK(place.ditune("list --db " + db).err.find("(ditune show --skipped --db 'my $db.db' lists them)") !=
        std::string::npos);
  CHECK(place.ditune("merge n.db " + db).err.find("(ditune show --skipped --db 'my $db.db' lists them)") !=
        std::string::npos);
  CHECK(place.ditune("doctor --db " + db).out.find("see ditune show --skipped --db 'my $db.db'") != std::string::npos);
}

TEST_CASE("where all rows are skipped, nobody says that there are none") {
  const Workplace place;
  make_all_unsound(place);
  for (const std::string command : {"list", "show", "list --json", "show --failures", "export --header t.h"}) {
    const Outcome outcome = place.ditune(command);
    CAPTURE(command, outcome.err);
    CHECK(outcome.code == (outcome.err.find("winner") == std::string::npos ? 0 : 1));
    CHECK(outcome.err.find(" skipped, ") != std::string::npos);
    CHECK(outcome.err.find("no such record") == std::string::npos);
    CHECK(outcome.err.find("nothing failed") == std::string::npos);
  }
  const Outcome other = place.ditune("list --shape 8x8x8");
  CHECK(other.code == 1);
  CHECK(other.err.starts_with("no such record in "));
}

TEST_CASE("show --skipped lists each row with its id and what is wrong") {
  const Workplace place;
  make_database(place);
  const Outcome listed = place.ditune("show --skipped");
  CHECK(listed.code == 0);
  CHECK(listed.err.empty());
  CHECK(listed.out ==
        "TABLE    ID  PROBLEM        FUSED    DEVICE                   SKIPPED BECAUSE\n"
        "winners   2  128x1024x1024  default  NVIDIA GeForce RTX 3090  a number of registers or bytes is negative "
        "(tune it again)\n"
        "winners   3  256x1024x1024  default  NVIDIA GeForce RTX 3090  a number of registers or bytes is negative "
        "(tune it again)\n");
  const Json rows = Json::parse(place.ditune("show --skipped --json --shape 128x1024x1024").out);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0] == Json{{"table", "winners"},
                        {"id", 2},
                        {"m", 128},
                        {"n", 1024},
                        {"k", 1024},
                        {"epilogue", "default"},
                        {"kind", "gemm_s8"},
                        {"layer", "n=1024,k=1024"},
                        {"rows", 128},
                        {"device", "NVIDIA GeForce RTX 3090"},
                        {"reason", "a number of registers or bytes is negative (tune it again)"}});
  run_sql(place.path("tuning.db"), "DELETE FROM winners WHERE registers < 0");
  CHECK(place.ditune("show --skipped").err == "no row is skipped\n");
  CHECK(place.ditune("show --skipped --json").out == "[]\n");
}

// Of a file that an older ditune wrote and another program changed.
TEST_CASE("a skipped row has the sizes and the epilogue that are stored, whatever they are") {
  const Workplace place;
  std::filesystem::copy_file(DITUNE_SOURCE_DIR "/tests/db/data/schema_2.db", place.path("tuning.db"));
  const Json rows = Json::parse(place.ditune("show --skipped --json").out);
  REQUIRE(rows.size() == 16);
  const auto check = [&](std::size_t i, const Json& m, const Json& n, const Json& k, const char* epilogue) {
    CAPTURE(rows[i]);
    CHECK(rows[i].at("m") == m);
    CHECK(rows[i].at("n") == n);
    CHECK(rows[i].at("k") == k);
    CHECK(rows[i].at("epilogue") == epilogue);
  };
  check(0, -201, 1024, 2048, "bias=f16");
  check(1, 202, 1024, 131072, "bias=f16");
  check(2, 203, 1024, 2048, "op=format_disk");
  check(3, 204, 1024, 2048, "");
  check(4, 205, 1024, 2048, "m=3,bias=f16");
  check(5, 9223372036854775807, -9223372036854775807, 2048, "bias=f16");
  check(6, 0, 0, 0, "");  // refers to nothing
  check(7, 208, 1024, 2048, "bias=f16");
  // A row is told by its sizes: seven have none that a layer can have.
  CHECK(Json::parse(place.ditune("show --skipped --json --shape 203x1024x2048").out).size() == 2 + 7);
  CHECK(Json::parse(place.ditune("show --skipped --json --shape 203x1024x2048 --epilogue bias=f16").out).size() == 9);
  CHECK(Json::parse(place.ditune("show --skipped --json --shape 300x1024x2048").out).size() == 7);
}

TEST_CASE("an unsound winner is tuned again, and merge names the rows that it refuses") {
  const Workplace place;
  make_database(place);
  const Outcome merged = place.ditune("merge all.db tuning.db");
  CHECK(merged.code == 0);
  CHECK(merged.out == "tuning.db: 3 trials added, 1 winner taken, 2 rows refused\n");
  CHECK(merged.err ==
        "ditune: note: 2 rows of tuning.db have a value that is wrong or out of range (ditune show --skipped --db "
        "tuning.db lists them)\n");
  const Outcome tuned = place.ditune(kTune + " --shape 128x1024x1024");
  CHECK(tuned.code == 0);
  CHECK(tuned.err.find("1 winner is skipped") != std::string::npos);  // the other one
  CHECK(place.ditune(kTune + " --shape 256x1024x1024").err.empty());
  CHECK(place.ditune("list").err.empty());
}
