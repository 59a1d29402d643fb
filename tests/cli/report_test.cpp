// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string kTune = "tune --gpu 'RTX 3090' --trials 1 ";
const std::string kShape = "--shape 64x1024x1024 ";

// What bench writes for that shape on an RTX 3090.
std::string bench_json(const std::string& peer) {
  return R"([{"operation": "gemm_s8:m=64,n=1024,k=1024", "device": "NVIDIA GeForce RTX 3090", "median_us": 20, "against": [)" +
         peer + R"(], "regime": "burst"}, {"operation": "gemm_s8:m=1,n=1,k=1", "reason": "wrong"}])";
}

void tune(const Workplace& place, const std::string& more) {
  const Outcome outcome = place.ditune(kTune + more);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
}

void check_refused(const Workplace& place, const std::string& args, const std::string& says) {
  const Outcome outcome = place.ditune("report " + args);
  CAPTURE(args, outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.err.starts_with("ditune: error: "));
  CHECK(has(outcome.err, says));
  CHECK(std::ranges::count(outcome.err, '\n') == 1);
}

}  // namespace

TEST_CASE("report writes one page of what is in the database") {
  const Workplace place;
  tune(place, kShape);
  const Outcome outcome = place.ditune("report -o report.html");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "report.html: report on NVIDIA GeForce RTX 3090, 0 of 1 operation measured\n");
  CHECK(outcome.err.empty());
  const std::string html = place.read("report.html");
  CHECK(has(html, "<title>ditune: 1 operation on "));
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK(html.ends_with("</html>\n"));
  CHECK(has(html, "Nothing here was measured"));
  CHECK(has(html, "ditune report --output report.html"));
  CHECK(has(html, "ditune tune --operation gemm_s8:m=64,n=1024,k=1024"));
  CHECK(place.files() == std::vector<std::string>{"report.html", "tuning.db"});
}

TEST_CASE("report of a model counts what a step calls") {
  const Workplace place;
  tune(place, "--model ideogram4 --linear final");
  REQUIRE(place.ditune("report --model ideogram4 --linear final -o report.html").code == 0);
  const std::string html = place.read("report.html");
  CHECK(has(html, "one step of ideogram4 at 1024x1024, final alone"));
  CHECK(
      has(html, "ditune tune --model ideogram4 --linear final --gpu &#39;NVIDIA GeForce RTX 3090&#39; --db tuning.db"));
}

TEST_CASE("report takes benchmarks and another database") {
  const Workplace place;
  tune(place, kShape);
  tune(place, kShape + "--db 'other <b>.db'");
  place.write(
      "bench.json",
      bench_json(
          R"({"name": "cublaslt", "median_us": 40, "ratio": 2, "ratio_interval": [1.9, 2.1]}, {"name": "fp8", "reason": "not here"})"));
  const Outcome outcome = place.ditune("report --bench bench.json --against 'other <b>.db' -o report.html");
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  const std::string html = place.read("report.html");
  CHECK(has(html, "2.00×"));
  CHECK(has(html, "1 has no time"));
  CHECK(has(html, "Against other &lt;b&gt;.db"));
  CHECK(!has(html, "other <b>"));
}

TEST_CASE("report refuses what it cannot make a page of, and leaves the one that is there") {
  const Workplace place;
  CHECK(place.ditune("report -o report.html").code == 1);  // no record
  tune(place, kShape);
  place.write("report.html", "as it was");
  place.write("bad.json", "{");
  place.write("object.json", "{}");
  place.write("old.json", R"([{"m": 1, "median_us": 1}])");
  place.write("negative.json", bench_json(R"({"name": "x", "median_us": -1, "ratio": 2})"));
  check_refused(place, "", "--output is required");
  check_refused(place, "-o -", "no file is written to '-' (name a file, or /dev/stdout)");
  check_refused(place, "-o nowhere/report.html", "cannot write nowhere/report.html");
  check_refused(place, "-o .", "cannot write .");
  check_refused(place, "-o report.html --bench nope.json", "cannot read nope.json");
  for (const std::string name : {"bad.json", "object.json", "old.json", "negative.json"})
    check_refused(place, "-o report.html --bench " + name, name + " is no benchmark: ");
  check_refused(place, "-o report.html --against nope.db", "nope.db");
  check_refused(place, "-o report.html --model nope", "unknown model 'nope'");
  CHECK(place.ditune("report -o report.html --shape 1x1x1").code == 1);
  CHECK(place.ditune("report -o report.html --gpu H100").code == 1);
  CHECK(place.read("report.html") == "as it was");
  CHECK(place.ditune("report -o /dev/full").code == 3);
}

TEST_CASE("report says of a file that is no benchmark what is wrong with it, in plain words") {
  const Workplace place;
  tune(place, kShape);
  const auto refused = [&](const std::string& text, const std::string& says) {
    place.write("bad.json", text);
    check_refused(place, "-o report.html --bench bad.json",
                  "bad.json is no benchmark: " + says + " (ditune bench --json");
  };
  refused("", "it is empty");
  refused("{", "it is no JSON at line 1, column 2");
  refused("[1,\n 2,\n x]", "it is no JSON at line 3, column 2");
  refused("[\xff]", "it is no JSON at line 1, column 2");
  refused("[1e999]", "it has a number that is too large");
  refused(std::string(1'000'000, '['), "it is nested deeper than 16 levels");
  refused("7", "it is neither an array nor of the format ditune.bench");
  refused("[7]", "7 is no object that has operation");
  refused(R"([{"m": 1, "median_us": 1}])", "there is no operation");
  refused(R"([{"operation": 5}])", "operation is 5, no text");
  refused(bench_json("3"), "3 is no object that has name");
  refused(bench_json(R"({"name": "x", "reason": 1})"), "reason is 1, no text");
  refused(bench_json(R"({"name": "x", "median_us": true, "ratio": 2})"), "median_us is true, no number");
  refused(bench_json(R"({"name": "x", "median_us": 1, "ratio": 2, "ratio_interval": [1]})"),
          "ratio_interval has no two ends");
  check_refused(place, "-o report.html --bench /dev/zero", "/dev/zero has more than 256 MiB (name another file)");
}

TEST_CASE("a report suggests the peers that its operations have") {
  const Workplace place;
  const std::string quantize = "--operation quantize_s8:m=64,k=1024 ";
  tune(place, kShape + quantize);
  const auto suggested = [&](const std::string& select) {
    REQUIRE(place.ditune("report -o report.html " + select).code == 0);
    const std::string html = place.read("report.html");
    const std::size_t at = html.find("<code>ditune bench ");
    return html.substr(at, html.find("</code>", at) - at);
  };
  CHECK(has(suggested(kShape), " --db tuning.db --against cublaslt --json &gt; bench.json"));
  CHECK(has(suggested(quantize), " --db tuning.db --against copy --json &gt; bench.json"));
  CHECK(has(suggested(""), " --db tuning.db --against cublaslt --against copy --json &gt; bench.json"));
}

TEST_CASE("the line that report prints and its page count the same operations") {
  const Workplace place;
  tune(place, "--model ideogram4 --linear qkv");
  run_sql(place.path("tuning.db"),
          "UPDATE winners SET source = 'measured', median_us = predicted_us, low_us = predicted_us, high_us = "
          "predicted_us");
  const Outcome outcome = place.ditune("report --model ideogram4 -o report.html");
  CAPTURE(outcome.out, outcome.err);
  REQUIRE(outcome.code == 0);
  const std::size_t at = outcome.out.rfind(", ") + 2;
  const std::string counts = outcome.out.substr(at, outcome.out.size() - at - 1);
  CHECK(counts.starts_with("4 of "));
  CHECK(counts.ends_with(" operations measured"));
  CHECK(has(place.read("report.html"), " of it predicted, not measured: " + counts));
}

TEST_CASE("report shows the dimensions that --heat-map names, or says which there are") {
  const Workplace place;
  tune(place, kShape);
  REQUIRE(place.ditune("report --heat-map stages,tile_m -o report.html").code == 0);
  const std::string html = place.read("report.html");
  CHECK(html.find("data-name=\"stages by tile_m\"") < html.find("data-name=\"tile_n by tile_m\""));
  CHECK(has(html, "ditune report --output report.html --heat-map stages,tile_m"));
  for (const std::string wrong : {"tile_q,tile_m", "tile_m", "tile_m,", "tile_m,stages,warps_m"})
    check_refused(place, "-o no.html --heat-map " + wrong, "is none (the dimensions are family, tile_m, ");
  check_refused(place, "-o no.html --heat-map tile_m,tile_m", "names one dimension twice (");
  check_refused(place, "-o no.html --heat-map tile_m,octets", "no kernel family has both (");
}

TEST_CASE("report is of one GPU") {
  const Workplace place;
  tune(place, kShape);
  REQUIRE(place.ditune("tune --gpu H100 --trials 1 " + kShape).code == 0);
  check_refused(place, "-o report.html",
                "the winners are of 2 GPUs: NVIDIA GeForce RTX 3090, NVIDIA H100 80GB HBM3 (name the one");
  REQUIRE(place.ditune("report -o report.html --arch sm_86").code == 0);
  CHECK(has(place.read("report.html"), "<section id=\"devices\""));
  REQUIRE(place.ditune("report -o h100.html --gpu H100").code == 0);
  CHECK(has(place.read("h100.html"), "on NVIDIA H100 80GB HBM3</h1>"));
}

TEST_CASE("report counts the rows that it refuses") {
  const Workplace place;
  tune(place, kShape);
  tune(place, "--shape 128x1024x1024");
  run_sql(place.path("tuning.db"),
          "UPDATE configs SET config = '<script>' WHERE id = (SELECT config_id FROM winners LIMIT 1)");
  const Outcome outcome = place.ditune("report -o report.html");
  CAPTURE(outcome.err);
  CHECK(outcome.code <= 1);
  CHECK(has(outcome.err, "skipped"));
  if (outcome.code == 0) CHECK(has(place.read("report.html"), "of the database"));
}
