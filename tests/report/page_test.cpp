// SPDX-License-Identifier: Apache-2.0
#include "report/page.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "pictures.hpp"
#include "sample.hpp"

using namespace ditune;
using namespace ditune::report;
using namespace ditune::report::test;

namespace {

const std::string kHostile =
    "\"'></title></script><!--<script>alert(1)</script><img src=x onerror=alert(1)>\xff\x01&amp;";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Elements are closed in the order of their nesting; returns their names. What style and script hold is passed over, as
// a browser does.
std::set<std::string> require_nested(const std::string& html) {
  std::vector<std::string> open;
  std::set<std::string> names;
  for (std::size_t at = html.find('<', 2); at != std::string::npos; at = html.find('<', at)) {
    const bool closes = html[at + 1] == '/';
    const std::size_t begin = at + (closes ? 2 : 1), end = html.find_first_of(" />", begin);
    const std::string name = html.substr(begin, end - begin);
    std::size_t last = end;
    for (bool quoted = false; quoted || html[last] != '>'; ++last) quoted = quoted != (html[last] == '"');
    names.insert(name);
    at = last;
    if (closes) {
      REQUIRE(!open.empty());
      REQUIRE(open.back() == name);
      open.pop_back();
    } else if (html[last - 1] != '/') {
      open.push_back(name);
      if (name == "style" || name == "script") at = html.find("</" + name + ">", at);
    }
  }
  REQUIRE(open.empty());
  return names;
}

nlohmann::json data_of(const std::string& html) {
  const std::string begin = R"(<script type="application/json" id="data">)";
  const std::size_t from = html.find(begin) + begin.size();
  return nlohmann::json::parse(html.substr(from, html.find("</script>", from) - from));
}

}  // namespace

TEST_CASE("an operation that has no winner here and none there is in neither database") {
  Rows rows = sample_rows();
  rows.records.clear();
  rows.against = OtherDatabase{.file = "other.db", .records = {}, .refused = {}};
  const std::string html = page(rows);
  CHECK(has(html, "in neither database"));
  CHECK(!has(html, "only in the other database"));
}

TEST_CASE("a page has every section, and nothing that asks for anything") {
  Rows rows = sample_rows();
  rows.against = OtherDatabase{.file = "other.db", .records = {record_of(sample_gemm(), 120)}};
  rows.benchmarks = {benchmark_of({peer_of("cublaslt bf16", 1.9, Range{1.8, 2})})};
  rows.steps = {sample_steps()};
  TuningRecord there = rows.records[0];
  there.key.device.name = "another GPU";
  rows.records.push_back(there);
  const std::string html = page(rows);
  for (const char* id :
       {"summary", "steps", "layers", "roofline", "search", "rows", "changes", "devices", "provenance"}) {
    CAPTURE(id);
    CHECK(has(html, std::string("<section id=\"") + id + "\""));
  }
  const std::set<std::string> names = require_nested(html);
  for (const char* name : {"img", "link", "iframe", "object", "embed", "form", "base", "image", "use"})
    CHECK(!names.contains(name));
  CHECK(!has(html, "http:"));
  CHECK(!has(html, "https:"));
  CHECK(count_of(html, " src=") == 0);
  CHECK(has(html, "default-src &#39;none&#39;"));
  CHECK(count_of(html, " style=") == 0);  // the policy forbids them
  CHECK(has(html, "1.90×"));
  CHECK(has(html, "300 µs"));
}

TEST_CASE("a page without another database, GPU or step has no section of them") {
  const std::string html = page(sample_rows());
  CHECK(!has(html, "id=\"steps\""));
  CHECK(!has(html, "href=\"#steps\""));
  CHECK(!data_of(html).contains("steps"));
  CHECK(!has(html, "id=\"changes\""));
  CHECK(!has(html, "id=\"devices\""));
  CHECK(!has(html, "href=\"#changes\""));
}

TEST_CASE("nothing that a database holds becomes markup or script") {
  Rows rows = sample_rows();
  rows.steps = {sample_steps()};
  const std::set<std::string> usual = require_nested(page(rows));
  rows.file = rows.model = rows.layers[0].name = kHostile;
  rows.device.name = kHostile;
  for (TuningRecord& record : rows.records) {
    record.key.device.name = kHostile;
    record.provenance = {.gpu_uuid = kHostile,
                         .driver_version = kHostile,
                         .cuda_version = kHostile,
                         .nvrtc_version = kHostile,
                         .ditune_version = kHostile,
                         .when = kHostile};
  }
  for (Trial& trial : rows.trials) {
    trial.key.device.name = kHostile;
    if (!trial.measurement.ok()) trial.measurement.failure = kHostile;
  }
  rows.benchmarks = {benchmark_of({peer_of(kHostile, 2), {.name = kHostile + "2", .reason = kHostile}})};
  rows.benchmarks[0].file = rows.benchmarks[0].rows[0].device = kHostile;
  StepBenchmark& steps = rows.steps[0];
  steps.file = steps.model = steps.baseline = steps.command = kHostile;
  for (StepRoute& route : steps.routes) {
    if (!route.reason.empty()) route.reason = kHostile;
    route.name = kHostile;
    route.operations = kHostile;
  }
  steps.routes[1].group = 1;
  steps.facts = {{kHostile, kHostile}};
  steps.gpu = kHostile;
  rows.steps.push_back(steps);
  rows.steps.back().gpu = kHostile + "2";  // another one than the page's
  rows.against = OtherDatabase{.file = kHostile, .records = rows.records, .refused = {{kHostile, kHostile, kHostile}}};
  rows.refused = {{kHostile, kHostile, kHostile}};
  rows.commands = {{kHostile, kHostile}};
  rows.ditune_version = rows.when = kHostile;
  const std::string html = page(rows);
  const std::set<std::string> names = require_nested(html);
  CHECK(names == usual);
  CHECK(count_of(html, "<script") == 2);
  CHECK(count_of(html, "</script>") == 2);
  CHECK(!has(html, "<!--"));
  CHECK(!has(html, "<img"));
  CHECK(!has(html, "\xff"));
  CHECK(!has(html, "\x01"));
  CHECK(data_of(html)["device"].get<std::string>().starts_with("\"'></title></script><!--"));
}

TEST_CASE("values at the ends of what is possible are drawn") {
  for (const double us : {0.5, 50'000.0, 1e-9, 1e12}) {
    CAPTURE(us);
    Rows rows = sample_rows();
    rows.layers.push_back({"other", sample_gemm(1), 1});
    rows.records.push_back(record_of(sample_gemm(1), us));
    rows.trials = {trial_of(sample_gemm(), kWinner, us), trial_of(sample_gemm(), kOther, 0.5)};
    rows.steps = {sample_steps()};
    rows.steps[0].routes.push_back(step_route("extreme", us, 500, "1 exact"));
    const std::string html = page(rows);
    require_nested(html);
    for (const char* wrong : {"=\"nan", "=\"inf", "=\"-nan", ">nan<", ">inf<"}) CHECK(!has(html, wrong));
  }
}

TEST_CASE("a page of predictions says so everywhere") {
  const std::string html = page(sample_rows(Source::predicted));
  CHECK(has(html, "Nothing here was measured"));
  CHECK(has(html, "class=\"headline predicted\""));
  CHECK(has(html, "class=\"s0 predicted\""));      // bars
  CHECK(has(html, "class=\"dot s0 predicted\""));  // the roofline
  CHECK(has(html, "<tr class=\"predicted\">"));
  CHECK(!has(html, "<td>measured</td>"));
  CHECK(data_of(html)["layers"][0]["source"] == "predicted");
  CHECK(!has(page(sample_rows()), "Nothing here was measured"));
}

TEST_CASE("rows that were refused are counted") {
  Rows rows = sample_rows();
  CHECK(has(page(rows), "No row of tuning.db was refused."));
  rows.refused = {{"winners", "7", "its time is not positive"}, {"trials", "8", "no such family"}};
  const std::string html = page(rows);
  CHECK(has(html, "2 rows of tuning.db were refused"));
  CHECK(has(html, "2 rows of the database are refused"));
  CHECK(has(html, "no such family"));
}

TEST_CASE("a page of one operation says so in the singular") {
  Rows rows = sample_rows();
  rows.layers[0].calls = 1;
  rows.against = OtherDatabase{.file = "other.db", .records = rows.records};
  rows.benchmarks = {benchmark_of({peer_of("cublaslt", 2)})};
  rows.benchmarks[0].without_time = 1;
  const std::string html = page(rows);
  for (const char* const says : {": 1 launch;", "over 1 of 1 operation:", "over 1 operation:", "Table of 1 row<",
                                 "Table of 1 operation<", "1 of 1 row is of this GPU and regime; 1 has no time"}) {
    CAPTURE(says);
    CHECK(has(html, says));
  }
  rows.model.clear();
  CHECK(has(page(rows), "<title>ditune: 1 operation on "));
}

TEST_CASE("peers have colours of their own, and a bar each, whatever benchmarks they are in") {
  Rows rows = sample_rows();
  rows.benchmarks = {benchmark_of({peer_of("one", 2), peer_of("two", 2), peer_of("three", 2), peer_of("four", 2)}),
                     benchmark_of({peer_of("one", 3)})};
  std::string html = page(rows);
  html = html.substr(html.find("<section id=\"layers\""));
  html = html.substr(0, html.find("</figure>"));
  const auto count = [&](const std::string& text) {
    int found = 0;
    for (std::size_t at = html.find(text); at != std::string::npos; at = html.find(text, at + 1)) ++found;
    return found;
  };
  CHECK(count("one: ") == count("two: "));
  for (const std::string colour : {"s0", "s2", "s3", "s4", "s5"}) {
    CAPTURE(colour);
    CHECK(count("\"key " + colour + "\"") == 2);  // of a wide picture and a narrow one
  }
}

TEST_CASE("a tie is called one") {
  Rows rows = sample_rows();
  rows.benchmarks = {benchmark_of({peer_of("twin", 1.001, Range{0.99, 1.01})})};
  const std::string html = page(rows);
  CHECK(has(html, "<p class=\"big\">a tie</p>"));
  CHECK(has(html, ", tie</text>"));
}

TEST_CASE("the headline begins with the whole step, beside the baseline and the fastest of the others") {
  Rows rows = sample_rows();
  rows.steps = {sample_steps()};
  const std::string html = page(rows);
  const std::string step =
      "A step of a model at 1024x1024 by fuse takes 0.50 of compiled bf16’s time: 250 ms against 500 ms";
  CHECK(html.find("0.50×") < html.find("300 µs"));
  CHECK(has(html, step + "</p>"));
  CHECK(has(html, "by fuse takes 0.62 of compiled torchao-fp8’s time: 250 ms against 400 ms</p>"));
  CHECK(has(html, "<p>comfy-kitchen was not run: comfy-kitchen is not installed (pip install comfy-kitchen)</p>"));
  CHECK(has(html, "The weights are random"));
  CHECK(data_of(html)["steps"][0]["routes"][5]["ms"] == 250);
}

TEST_CASE("a step as long as the baseline's is a tie") {
  Rows rows = sample_rows();
  rows.steps = {sample_steps()};
  rows.steps[0].routes = {step_route("bf16-compiled", 500, 500), step_route("fuse", 498, 500, "1 exact")};
  const std::string html = page(rows);
  CHECK(has(html, "<p class=\"big\">a tie</p>"));
  CHECK(has(html, "takes as long as by compiled bf16, quartiles overlap: 498 ms against 500 ms"));
}

TEST_CASE("a step that another GPU took is no headline, and the page says so") {
  for (const std::string gpu : {"another GPU", ""}) {
    Rows rows = sample_rows();
    rows.steps = {sample_steps()};
    rows.steps[0].gpu = gpu;
    const std::string html = page(rows);
    CHECK(!has(html, "A step of a model at 1024x1024 by fuse takes"));
    CHECK(has(html, gpu.empty() ? "Measured on the CPU, to try it out." : "Measured on another GPU."));
    CHECK(has(html, "The rest of this page is about NVIDIA GeForce RTX 3090"));
  }
}

TEST_CASE("the page of 10,000 winners stays below 10 MB") {
  Rows rows = sample_rows();
  rows.layers.clear();
  rows.records.clear();
  for (int i = 0; i < 10'000; ++i) {
    const Operation operation = Gemm{.m = 16 * (1 + i % 100), .n = 64 * (1 + i / 100), .k = 4096};
    rows.layers.push_back({"", operation, 1});
    rows.records.push_back(record_of(operation, 0.5 + i));
  }
  const std::string html = page(rows);
  CHECK(html.size() < 10'000'000);
  CHECK(count_of(html, "<tr>") >= 10'000);
}
