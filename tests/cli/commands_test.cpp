// SPDX-License-Identifier: Apache-2.0
// What commands answer without a GPU: help, devices, doctor, and a database without an answer.
#include <filesystem>
#include <utility>

#include "catch.hpp"
#include "cli/json.hpp"
#include "cli/program.hpp"

TEST_CASE("help and version are no errors") {
  const Outcome help = Workplace().ditune("tune --help");
  CHECK(help.code == 0);
  CHECK(help.out.find("--budget") != std::string::npos);
  CHECK(Workplace().ditune("--version").out == DITUNE_VERSION "\n");
}

TEST_CASE("devices and doctor work without a GPU") {
  const Workplace place;
  const Outcome devices = place.ditune("devices");
  CHECK(devices.code == 0);
  CHECK(devices.out.empty());
  CHECK(place.ditune("devices --known").out.find("RTX 3090") != std::string::npos);
  const Outcome doctor = place.ditune("doctor");
  CHECK(doctor.code == 0);
  CHECK(doctor.out.find("ditune can predict here") != std::string::npos);
  CHECK(place.files().empty());
  place.write("empty.db", "");  // as mktemp makes it
  CHECK(place.ditune("doctor --db empty.db").code == 0);
}

TEST_CASE("lookup gives the time of a record to its own GPU alone") {
  const Workplace place;
  REQUIRE(place.ditune("tune --trials 1 --shape 64x128x128 --gpu 'RTX A6000'").code == 0);
  const Json own = json_of(place.ditune("lookup --json --shape 64x128x128 --gpu 'RTX A6000'"))[0];
  const Json other = json_of(place.ditune("lookup --json --shape 64x128x128 --gpu 'RTX 3090'"))[0];
  CHECK(own["match"] == "exact");
  CHECK(own.contains("tops"));
  CHECK(other["match"] == "other device");
  CHECK(other["tuned_on"] == "NVIDIA RTX A6000");
  CHECK(other["tuned_for"] == "gemm_s8:m=64,n=128,k=128");
  CHECK_FALSE(other.contains("tops"));
  CHECK(other["predicted_us"] != own["predicted_us"]);
}

TEST_CASE("show takes one of --failures and --skipped") {
  CHECK(Workplace().ditune("show --failures --skipped").code == 2);
}

TEST_CASE("NVRTC is the one that $DITUNE_NVRTC names, and doctor says so") {
  const Workplace place;
  const Outcome absent = place.ditune("doctor", "export DITUNE_NVRTC=/nowhere/libnvrtc.so");
  CHECK(absent.code == 1);
  CHECK(absent.out.find("NVRTC is not there: tried /nowhere/libnvrtc.so: ") != std::string::npos);
  CHECK(absent.out.find("set DITUNE_NVRTC to a libnvrtc.so, or unset it") != std::string::npos);
  const std::string compile =
      "compile --shape 1024x3072x3072 --arch sm_86 --config mma_s8:tile=128x128x64,warps=2x2,stages=3";
  const Outcome refused = place.ditune(compile, "export DITUNE_NVRTC=/nowhere/libnvrtc.so");
  CHECK(refused.code == 3);
  CHECK(refused.err.find("tried /nowhere/libnvrtc.so: ") != std::string::npos);
  const Outcome tuning =
      place.ditune("tune --shape 64x512x512 --arch sm_86 --trials 1", "export DITUNE_NVRTC=/nowhere/libnvrtc.so");
  CHECK(tuning.code != 0);
  CHECK(tuning.err.find("/nowhere/libnvrtc.so") != std::string::npos);
  CHECK(place.ditune(compile, "export DITUNE_NVRTC=").code == 0);  // empty: the one that is installed
}

TEST_CASE("doctor says what is wrong with the database") {
  const Workplace place;
  place.write("tuning.db",
              "not a database, but long enough to be taken for one by somebody who reads only the first bytes");
  const Outcome doctor = place.ditune("doctor");
  CHECK(doctor.code == 1);
  CHECK(doctor.out.find("tuning.db") != std::string::npos);
}

TEST_CASE("doctor says whether the database can be written") {
  const Workplace place;
  CHECK(place.ditune("doctor --db new/folder/tuning.db").code == 0);
  CHECK(place.files().empty());
  const Outcome doctor = place.ditune("doctor --db /proc/nowhere/tuning.db");
  CHECK(doctor.code == 1);
  CHECK(doctor.out.find("cannot write /proc/nowhere") != std::string::npos);
}

TEST_CASE("doctor says why a database cannot be reached") {
  const Workplace place;
  std::filesystem::create_symlink("loop.db", place.path("loop.db"));
  std::filesystem::create_symlink("nowhere/t.db", place.path("astray.db"));
  const std::vector<std::pair<std::string, std::string>> cases{
      {"loop.db", "loop.db cannot be reached: Too many levels of symbolic links ("},
      {"loop.db/t.db", "t.db cannot be reached: Too many levels of symbolic links ("},
      {"astray.db", "nowhere/t.db, whose folder is not there (make that folder"},
      {"newdir/", "newdir/ is the name of a folder (name a file)"},
      {std::string(300, 'x'), "cannot be reached: File name too long ("}};
  for (const auto& [db, says] : cases) {
    const Outcome doctor = place.ditune("doctor --db " + db);
    CAPTURE(db, doctor.out, doctor.err);
    CHECK(doctor.code == 1);
    CHECK(doctor.err.empty());
    CHECK(doctor.out.find(says) != std::string::npos);
    CHECK(doctor.out.find("ditune cannot tune here.") != std::string::npos);
  }
  CHECK(place.files() == std::vector<std::string>{"astray.db", "loop.db"});
}

TEST_CASE("what is not in the database is not found") {
  const Workplace place;
  for (const std::string command : {"list", "show", "export --header tuned.h"}) {
    CAPTURE(command);
    const Outcome outcome = place.ditune(command);
    CHECK(outcome.code == 1);
    CHECK(outcome.out.empty());
  }
  CHECK(json_of(place.ditune("lookup --json --shape 512x1024x512 --arch sm_89"))[0]["match"] == "model");
  CHECK(place.files().empty());
}

TEST_CASE("commands that take --device all offer it, and no others") {
  const Workplace place;
  CHECK(place.ditune("tune --help").out.find("N|all") != std::string::npos);
  CHECK(place.ditune("export --help").out.find("N|all") != std::string::npos);
  for (const std::string command : {"list", "show", "lookup", "space", "emit", "compile", "verify", "bench", "report"})
    CHECK(place.ditune(command + " --help").out.find("N|all") == std::string::npos);
}
