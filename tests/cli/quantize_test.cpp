// SPDX-License-Identifier: Apache-2.0
// The commands on a kind of operation that is no GEMM.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "cli/program.hpp"

using Json = nlohmann::json;

namespace {

const std::string kQuantize = "quantize_s8:m=64,k=256,norm=rms", kGemm = "gemm_s8:m=64,n=128,k=256";
const std::string kConfig = "registers_s8:threads=32,octets=1";
// 64 rows of 256 halves are read, as many bytes and a scale for each row are written.
constexpr double kBytes = 64.0 * (256 * 2 + 256 + 4);

Outcome done(const Workplace& place, const std::string& command) {
  Outcome outcome = place.ditune(command);
  CAPTURE(command, outcome.err, outcome.out);
  REQUIRE(outcome.code == 0);
  return outcome;
}

Json json_of(const Workplace& place, const std::string& command) { return Json::parse(done(place, command).out); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a quantize_s8 is tuned, listed, shown and looked up beside a GEMM") {
  const Workplace place;
  const std::string both = " --operation " + kQuantize + " --operation " + kGemm;
  done(place, "tune --arch sm_90 --trials 1" + both);
  const std::string listed = done(place, "list" + both).out;
  CAPTURE(listed);
  CHECK(has(listed, " M    N    K  FUSED "));
  CHECK(has(listed, "64       256  norm=rms "));
  CHECK(has(listed, "64  128  256  default "));
  CHECK(has(listed, " GB/s  predicted"));
  const Json rows = json_of(place, "list --json --operation " + kQuantize);
  REQUIRE(rows.size() == 1);
  const Json& row = rows[0];
  CHECK(row["operation"] == kQuantize);
  CHECK(row["kind"] == "quantize_s8");
  CHECK(row["m"] == 64);
  CHECK(row["k"] == 256);
  CHECK_FALSE(row.contains("n"));
  CHECK_FALSE(row.contains("epilogue"));
  CHECK_FALSE(row.contains("tops"));
  CHECK(row["gbps"].get<double>() * row["predicted_us"].get<double>() == Approx(kBytes * 1e-3));

  const std::string shown = done(place, "show --operation " + kQuantize).out;
  CHECK(has(shown, "64x256 norm=rms on "));
  CHECK(has(shown, " GB/s\n"));
  done(place, "show --failures --operation " + kQuantize);
  const std::string found = done(place, "lookup --arch sm_90 --operation quantize_s8:m=96,k=256,norm=rms").out;
  CHECK(has(found, "96     256  norm=rms  nearest m  "));
  CHECK(has(found, "  64x256 on "));
  CHECK(json_of(place, "lookup --json --arch sm_90 --operation " + kQuantize)[0]["gbps"] == row["gbps"]);
}

TEST_CASE("the variants of a quantize_s8 are listed, with what refuses them") {
  const Workplace place;
  const std::string legal = done(place, "space --arch sm_90 --operation " + kQuantize).out;
  CHECK(has(legal, "PROBLEM  FUSED "));
  CHECK(has(legal, "64x256   norm=rms  registers_s8:"));
  CHECK(has(legal, " GB/s\n"));
  CHECK(has(done(place, "space --rejected --arch sm_90 --operation quantize_s8:m=64,k=255").out, "64x255 "));
  CHECK(json_of(place, "space --json --arch sm_90 --operation " + kQuantize)[0].contains("gbps"));
}

TEST_CASE("a variant of quantize_s8 is emitted and compiled") {
  const Workplace place;
  const std::string variant = " --arch sm_90 --operation " + kQuantize + " --config " + kConfig;
  CHECK(has(done(place, "emit" + variant).out, "#include \"registers_s8.cuh\""));
  const std::string whole = done(place, "emit --standalone" + variant).out;
  CHECK_FALSE(has(whole, "#include \"registers_s8.cuh\""));
  CHECK(has(whole, "struct QuantizeArgs"));
}

TEST_CASE("an epilogue replaces those of GEMMs alone") {
  const Workplace place;
  done(place, "tune --arch sm_90 --trials 1 --operation " + kQuantize + " --shape 64x128x256");
  CHECK(json_of(place, "list --json --epilogue default").size() == 1);
}

TEST_CASE("bench knows a copy as a peer") {
  const Workplace place;
  const Outcome outcome = place.ditune("bench --against copy --operation " + kQuantize);
  CHECK(outcome.code == 2);
  CHECK(has(outcome.err, "this needs a GPU"));
}
