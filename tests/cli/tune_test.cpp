// SPDX-License-Identifier: Apache-2.0
// Tuning without a GPU: what is predicted, stored, tried again and interrupted.
#include <algorithm>
#include <filesystem>

#include "catch.hpp"
#include "cli/json.hpp"
#include "cli/program.hpp"

namespace {

// A minute of compiling and more, in problems.csv.
void write_many_problems(const Workplace& place) {
  std::string problems = "m,n,k\n";
  for (int m = 1; m <= 200; ++m) problems += std::to_string(m) + ",1024,1024\n";
  place.write("problems.csv", problems);
}

}  // namespace

TEST_CASE("a problem that no variant runs is told as such, and nothing is stored") {
  const Workplace place;
  const std::string layer = " --shape 2147483647x2147483647x16 --arch sm_86";
  for (const std::string command : {"tune", "space", "lookup"}) {
    CAPTURE(command);
    const Outcome outcome = place.ditune(command + layer);
    CAPTURE(outcome.out, outcome.err);
    CHECK(outcome.code == 1);
    CHECK(outcome.err.starts_with("ditune: error: no variant runs 2147483647x2147483647x16 default on "));
    CHECK(outcome.err.find("RTX 3090: ") != std::string::npos);
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK(outcome.out.find("Stored") == std::string::npos);
    CHECK(Json::parse(place.ditune(command + " --json" + layer).out).is_array());
  }
  CHECK(place.files().empty());
  const Outcome both = place.ditune("tune --trials 1 --shape 64x64x64" + layer);
  CHECK(both.code == 1);
  CHECK(both.out.find("Stored") != std::string::npos);
}

TEST_CASE("tune says of predicted winners alone that they are not measured") {
  const Workplace place;
  const std::string tune = "tune --trials 1 --gpu 'RTX 3090' --shape 64x128x128", both = tune + " --shape 96x128x128";
  const std::string not_measured = "by the cost model, not measured: NVIDIA GeForce RTX 3090 is not here.\n";
  CHECK(place.ditune(tune).out.find("\nPredicted " + not_measured) != std::string::npos);
  run_sql(place.path("tuning.db"), "UPDATE winners SET source = 'measured', median_us = 5, low_us = 4, high_us = 6");
  const Outcome measured = place.ditune(tune);
  CAPTURE(measured.out, measured.err);
  CHECK(measured.out.find("measured") != std::string::npos);
  CHECK(measured.out.find(not_measured) == std::string::npos);
  CHECK(place.ditune(both).out.find("\n1 of 2 predicted " + not_measured) != std::string::npos);
}

TEST_CASE("tune without a GPU predicts, and the other commands find what it stored") {
  const Workplace place;
  const std::string layer = " --shape 512x1024x512 --epilogue bias=bf16 --gpu 'RTX 3090'";
  const Json tuned = json_of(place.ditune("tune --trials 3 --json" + layer));
  REQUIRE(tuned.size() == 1);
  check_fields(tuned[0], {"m", "n", "k", "epilogue", "config", "arch", "device", "source", "predicted_us", "tops",
                          "registers", "spill_bytes", "shared_bytes"});
  CHECK(tuned[0]["source"] == "predicted");
  CHECK(tuned[0]["device"] == "NVIDIA GeForce RTX 3090");
  CHECK_FALSE(tuned[0].contains("median_us"));

  const Outcome again = place.ditune("tune" + layer);
  CHECK(again.code == 0);
  CHECK(again.err == "1 of 1 layer was tuned before (--retune tunes it again)\n");

  CHECK(json_of(place.ditune("list --json")) == tuned);
  CHECK(json_of(place.ditune("list --json" + layer)) == tuned);
  CHECK(place.ditune("list").out.find("predicted") != std::string::npos);

  const Json shown = json_of(place.ditune("show --json"));
  CHECK(shown[0]["trials"].size() == 3);
  check_fields(shown[0]["provenance"], {"when", "ditune_version", "nvrtc_version"});
  CHECK(place.ditune("show").out.find(tuned[0]["config"].get<std::string>()) != std::string::npos);

  const Json found = json_of(place.ditune("lookup --json" + layer));
  CHECK(found[0]["match"] == "exact");
  CHECK(found[0]["config"] == tuned[0]["config"]);
  const Json near = json_of(place.ditune("lookup --json --shape 500x1024x512 --epilogue bias=bf16 --gpu 'RTX 3090'"));
  CHECK(near[0]["match"] == "nearest m");
  CHECK_FALSE(near[0].contains("tops"));
  CHECK(near[0]["predicted_us"].get<double>() > 0);

  for (const std::string embed : {"none", "source", "cubin"}) {
    CAPTURE(embed);
    CHECK(place.ditune("export --header tuned.h --embed " + embed).code == 0);
    CHECK(place.read("tuned.h").find("predicted") != std::string::npos);
  }
}

TEST_CASE("a shard tunes its part of the layers; one without layers is done at once") {
  const Workplace place;
  const std::string tune = "tune --json --trials 1 --gpu 'RTX 3090' --shape 64x128x128 --shape 96x128x128 --shard ";
  const Json second = json_of(place.ditune(tune + "1/2"));
  REQUIRE(second.size() == 1);
  CHECK(second[0]["m"] == 96);
  const Outcome none = place.ditune(tune + "2/3");
  CHECK(none.code == 0);
  CHECK(none.err == "shard 2/3 of 2 layers has none\n");
  CHECK(Json::parse(none.out).empty());
}

TEST_CASE("what failed is shown with its reason, and is not tried again unless that is asked for") {
  const Workplace place;
  const std::string tune = "tune --json --trials 4 --gpu 'RTX 3090' --shape 512x1024x512";
  const Json first = json_of(place.ditune(tune));
  CHECK(place.ditune("show --failures").err == "nothing failed\n");
  run_sql(place.path("tuning.db"),
          "UPDATE trials SET failure = 'did not end within 20 s' WHERE config_id = "
          "(SELECT config_id FROM winners)");
  const Json failed = json_of(place.ditune("show --failures --json"));
  REQUIRE(failed.size() == 1);
  check_fields(failed[0], {"m", "n", "k", "epilogue", "config", "arch", "device", "source", "reason", "when"});
  CHECK(failed[0]["config"] == first[0]["config"]);
  CHECK(failed[0]["reason"] == "did not end within 20 s");
  CHECK(place.ditune("show --failures").out.find("did not end within 20 s") != std::string::npos);
  CHECK(json_of(place.ditune(tune + " --retune"))[0]["config"] != first[0]["config"]);
  CHECK(json_of(place.ditune(tune + " --retune --retry-failed"))[0]["config"] == first[0]["config"]);
}

TEST_CASE("a damaged database is set aside, and what is sound of it goes on") {
  const Workplace place;
  const std::string tune = "tune --json --trials 2 --gpu 'RTX 3090' --shape ";
  REQUIRE(place.ditune(tune + "64x128x128").code == 0);
  run_sql(place.path("tuning.db"), "PRAGMA journal_mode = DELETE");
  std::string damaged = place.read("tuning.db");
  const std::size_t row = damaged.find("mma_s8:");
  REQUIRE(row != std::string::npos);
  const std::size_t page = row / 4096 * 4096;
  damaged.replace(page, 8, 8, '\xff');
  place.write("tuning.db", damaged);
  const Outcome outcome = place.ditune(tune + "96x128x128");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 0);
  CHECK(outcome.err.find("was damaged and is kept as ") != std::string::npos);
  CHECK(place.files().size() == 2);
  CHECK(json_of(place.ditune("list --json")).size() >= 1);
}

TEST_CASE("a winner of few survivors says so, and what was killed from outside is tried again by the next run") {
  const Workplace place;
  const std::string tune = "tune --trials 4 --gpu 'RTX 3090' --shape 512x1024x512";
  const Json first = json_of(place.ditune(tune + " --json"));
  CHECK_FALSE(first[0].contains("candidates"));
  run_sql(place.path("tuning.db"),
          "UPDATE trials SET failure = 'the compiler crashed (signal 9)' WHERE config_id IN (SELECT config_id FROM "
          "trials LIMIT 3)");
  const Json candidates = {{"tried", 4}, {"survived", 1}, {"killed", 3}};
  CHECK(json_of(place.ditune("show --json"))[0]["candidates"] == candidates);
  CHECK(place.ditune("show").out.find("1 of 4 candidates survived: 3 were killed from outside") != std::string::npos);
  CHECK(json_of(place.ditune(tune + " --json")) == first);
  CHECK_FALSE(json_of(place.ditune("show --json"))[0].contains("candidates"));
  run_sql(place.path("tuning.db"),
          "UPDATE trials SET failure = 'did not end within 20 s' WHERE config_id NOT IN (SELECT config_id FROM "
          "winners)");
  const Outcome failed = place.ditune(tune + " --json");
  CHECK(failed.code == 0);
  CHECK(failed.err.find("1 of 4 candidates survived: 3 failed (ditune show --failures lists why)\n") !=
        std::string::npos);
  CHECK(Json::parse(failed.out)[0]["candidates"]["survived"] == 1);
}

TEST_CASE("without a GPU as many candidates are compiled as --trials says, and --strategy says what it means there") {
  const Workplace place;
  const std::string tune = "tune --json --gpu 'RTX 3090' --shape 64x128x128 --trials 11 ";
  CHECK(json_of(place.ditune(tune + "--strategy exhaustive")).size() == 1);
  CHECK(json_of(place.ditune("show --json"))[0]["trials"].size() == 11);
  const Outcome guided = place.ditune(tune + "--retune --strategy guided");
  CHECK(guided.code == 0);
  CHECK(guided.err ==
        "ditune: note: NVIDIA GeForce RTX 3090 is not here, so that --strategy guided has no measured times to go by: "
        "candidates are compiled in the cost model's order\n");
}

TEST_CASE("Ctrl-C, SIGTERM or SIGHUP ends a tuning run after the batch at work: what is done is shown and stored") {
  const std::string signal = GENERATE("INT", "TERM", "HUP");
  const Workplace place;
  write_many_problems(place);
  const Outcome outcome = place.ditune("--version >/dev/null; DITUNE_DB=tuning.db " DITUNE_PROGRAM
                                       " tune --problems problems.csv --gpu H100 --trials 8 >shown 2>said & "
                                       "while [ ! -e tuning.db ]; do sleep 0.1; done; sleep 1; kill -" +
                                       signal + " $!; wait $!");
  CHECK(outcome.code == 1);
  CHECK(place.read("said").find("of 200 layers done: what was measured is stored, and the same command goes on") !=
        std::string::npos);
  const Json stored = json_of(place.ditune("list --json"));
  CHECK(stored.size() < 200);
  CHECK((stored.empty() || place.read("shown").find("predicted") != std::string::npos));
}

TEST_CASE("SIGHUP that nohup ignores stays ignored, and a second signal ends a run at once") {
  const Workplace place;
  write_many_problems(place);
  const std::string tune = "DITUNE_DB=tuning.db nohup " DITUNE_PROGRAM
                           " tune --problems problems.csv --gpu H100 --trials 8 >shown 2>said & "
                           "while [ ! -e tuning.db ]; do sleep 0.1; done; sleep 1; kill -HUP $!; sleep 1; ";
  const Outcome once = place.ditune("--version >/dev/null; " + tune + "kill -0 $! && kill -TERM $!; wait $!");
  CHECK(once.code == 1);
  CHECK(place.read("said").find("interrupted with") != std::string::npos);
  std::filesystem::remove(place.path("tuning.db"));  // a new one tells when the run is under way
  // The worker is stopped, so that the batch at work does not end.
  const Outcome twice =
      place.ditune("--version >/dev/null; " + tune +
                   "worker=$(pgrep -P $!); kill -STOP $worker; kill -TERM $!; sleep 1; kill -0 $! && kill -INT $!; "
                   "wait $!; code=$?; kill -KILL $worker; exit $code");
  CHECK(twice.code == 128 + 2);
}
