// SPDX-License-Identifier: Apache-2.0
// What a tuning run tells a program that runs it.
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.hpp"
#include "cli/program.hpp"

using Json = nlohmann::json;

namespace {

// Of standard error: the lines that are objects, and the others.
struct Said {
  std::vector<Json> progress;
  std::string messages;
};

Said said_by(const Outcome& outcome) {
  Said said;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('{'))
      said.progress.push_back(Json::parse(line));
    else
      said.messages += line + "\n";
  }
  return said;
}

const std::string kTune =
    "tune --operation gemm_s8:m=64,n=128,k=64 --operation quantize_s8:m=64,k=128 --gpu 'RTX 3090' --trials 1 "
    "--progress json";

}  // namespace

TEST_CASE("progress for a program is an object for the begin and the end of each layer") {
  const Workplace place;
  const Outcome outcome = place.ditune(kTune + " --json");
  const Said said = said_by(outcome);
  CHECK(outcome.code == 0);
  CHECK(said.messages.empty());
  REQUIRE(said.progress.size() >= 4);
  const Json first = said.progress.front(), last = said.progress.back();
  CHECK(first["operation"] == "gemm_s8:m=64,n=128,k=64");
  CHECK(first["device"].get<std::string>().find("RTX 3090") != std::string::npos);
  CHECK(first["layer"] == 0);
  CHECK(first["layers"] == 2);
  CHECK(first["done"] == false);
  CHECK(first["tried"] == 0);
  CHECK(first["trials"] == 1);
  CHECK(first["trying"].get<std::string>().starts_with("mma_s8:"));
  CHECK_FALSE(first.contains("config"));
  CHECK(last["operation"] == "quantize_s8:m=64,k=128");
  CHECK(last["layer"] == 1);
  CHECK(last["done"] == true);
  CHECK(last["config"] == Json::parse(outcome.out).at(1)["config"]);
  CHECK_FALSE(last.contains("trying"));
  CHECK_FALSE(last.contains("best_us"));  // nothing is measured
}

TEST_CASE("progress for a program has the end alone of a layer that was tuned before, and messages beside it") {
  const Workplace place;
  REQUIRE(place.ditune(kTune).code == 0);
  const Said said = said_by(place.ditune(kTune));
  REQUIRE(said.progress.size() == 2);
  for (const Json& progress : said.progress) {
    CHECK(progress["done"] == true);
    CHECK(progress.contains("config"));
  }
  CHECK(said.messages == "2 of 2 layers were tuned before (--retune tunes them again)\n");
}

TEST_CASE("a strict budget needs a budget, and what it leaves out is said and is no failed layer") {
  const Workplace place;
  const Outcome refused = place.ditune(kTune + " --strict-budget");
  CHECK(refused.code == 2);
  CHECK(refused.err.find("--budget") != std::string::npos);

  std::string many = "tune --gpu H100 --trials 8 --progress json --budget 1s --strict-budget";
  for (int m = 1; m <= 50; ++m) many += " --shape " + std::to_string(m) + "x1024x1024";
  const Outcome outcome = place.ditune(many);
  const Said said = said_by(outcome);
  CHECK(outcome.code == 1);
  CHECK(said.progress.back()["done"] == true);
  const std::size_t done = said.progress.back()["layer"].get<std::size_t>() + 1;
  CHECK(done < 50);
  CHECK(said.messages == "the time is up: " + std::to_string(50 - done) +
                             " of 50 layers were not begun, and the same command goes on with them\n");
}
