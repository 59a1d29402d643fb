// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"

namespace {

using Json = nlohmann::ordered_json;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Json route(const std::string& name, double ms, int group, const Json& operations) {
  return {{"name", name},
          {"median_ms", ms},
          {"low_quartile_ms", 0.99 * ms},
          {"high_quartile_ms", 1.01 * ms},
          {"ratio", ms / 500},
          {"host_ms", 3.5},
          {"first_call_s", 2.5},
          {"tune_s", nullptr},
          {"peak_bytes", 21474836480},
          {"sustained_ms", 1.1 * ms},
          {"watts", 600},
          {"joules", 0.66 * ms},
          {"error", name == "bf16" ? 0 : 0.0123},
          {"psnr_db", name == "bf16" ? Json() : Json(41.5)},
          {"group", group},
          {"operations", operations},
          {"samples_ms", {ms}}};
}

// Made-up figures, as python -m ditune.bench --json writes them.
Json step_json() {
  return {{"format", "ditune.bench"},
          {"version", 1},
          {"gpu", "NVIDIA GeForce RTX 3090"},
          {"driver", "580.1"},
          {"cuda", "13.0"},
          {"torch", "2.9.0"},
          {"ditune", "0.1.0"},
          {"packages", {{"diffusers", "0.36.0"}, {"torchao", nullptr}}},
          {"model", "wan-14b"},
          {"parameters", 14'000'000'000},
          {"height", 480},
          {"width", 832},
          {"frames", 81},
          {"tokens", 32760},
          {"text_tokens", 512},
          {"options",
           {{"layers", nullptr},
            {"weights", "random"},
            {"mask", false},
            {"steps", 4},
            {"rounds", 10},
            {"sustained_s", 2.0},
            {"tune", true}}},
          {"baseline", "bf16-compiled"},
          {"groups", {{"bf16", "bf16-compiled", "fuse"}, {"quantize"}}},
          {"routes",
           {route("bf16", 600, 0, Json::object()), route("bf16-compiled", 500, 0, Json::object()),
            Json{{"name", "torchao-fp8-compiled"}, {"reason", "torchao is not installed (pip install torchao)"}},
            route("quantize", 350, 1, {{"exact", 30}}), route("fuse", 250, 0, {{"exact", 30}, {"nearest m", 4}})}}};
}

void add_winner(const Workplace& place) {
  REQUIRE(place.ditune("tune --gpu 'RTX 3090' --trials 1 --shape 64x1024x1024").code == 0);
}

std::string report_of(const Workplace& place, const Json& json) {
  place.write("step.json", json.dump());
  const Outcome outcome = place.ditune("report --bench step.json -o report.html");
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  return place.read("report.html");
}

}  // namespace

TEST_CASE("report takes what python -m ditune.bench wrote") {
  const Workplace place;
  add_winner(place);
  const std::string html = report_of(place, step_json());
  CHECK(has(html,
            "A step of wan-14b at 832x480, 81 frames by fuse takes 0.50 of compiled bf16’s time: "
            "250 ms against 500 ms</p>"));
  CHECK(has(html, ">30 exact, 4 nearest m</td>"));
  CHECK(has(html, "torchao-fp8-compiled was not run: torchao is not installed (pip install torchao)"));
  CHECK(has(html, "not of the same rounds"));  // quantize ran alone
  CHECK(has(html, "2 groups ran one after the other"));
  CHECK(has(html, ">equal</td>"));
  CHECK(has(html, "<td class=\"number\">20.00</td>"));  // GiB
  for (const char* fact :
       {"<dt>Driver</dt><dd>580.1</dd>", "<dt>Packages</dt><dd>diffusers 0.36.0, torchao not installed</dd>",
        "<dt>Parameters</dt><dd>14.00 billion</dd>", "<dt>Weights</dt><dd>random</dd>",
        "<dt>Tuned first</dt><dd>yes</dd>"})
    CHECK(has(html, fact));
  CHECK(has(html,
            "python -m ditune.bench wan-14b --resolution 832x480 --frames 81 --text 512 --routes "
            "bf16,bf16-compiled,torchao-fp8-compiled,quantize,fuse --no-mask --tune --rounds 10 --steps 4 "
            "--sustained 2 --json step.json"));
}

TEST_CASE("steps of some blocks, of the CPU, and of an older ditune.bench are told as what they are") {
  const Workplace place;
  add_winner(place);
  Json json = step_json();
  json["options"]["layers"] = 2;
  json["gpu"] = nullptr;
  for (const char* key : {"driver", "packages", "parameters", "tokens"}) json.erase(key);
  for (Json& row : json["routes"])
    if (row.contains("group")) row["operations"] = nullptr;
  const std::string html = report_of(place, json);
  CHECK(has(html, "wan-14b at 832x480, 81 frames, 2 blocks of each kind at most"));
  CHECK(has(html, "Measured on the CPU, to try it out."));
  CHECK(!has(html, "<dt>Driver</dt>"));
}

TEST_CASE("both forms of benchmarks go into one page") {
  const Workplace place;
  add_winner(place);
  place.write("step.json", step_json().dump());
  place.write("bench.json", "[]");
  REQUIRE(place.ditune("report --bench step.json --bench bench.json --bench step.json -o report.html").code == 0);
  const std::string html = place.read("report.html");
  CHECK(has(html, "bench.json: 0 of 0 rows"));
  CHECK(html.find("The steps of step.json") != html.rfind("The steps of step.json"));
}

TEST_CASE("a file that python -m ditune.bench did not write is one line, and no page") {
  const Workplace place;
  add_winner(place);
  struct Damage {
    const char *at, *value, *says;
  };
  for (const auto& [at, value, says] : {
           Damage{"/format", "\"other\"", "neither an array nor of the format ditune.bench"},
           Damage{"/format", "1", "format is 1, no text"},
           Damage{"/version", "2", "its version is 2, and 1 is known"},
           Damage{"/version", "1e30", "version is 1e+30, no whole number"},
           Damage{"/routes", "5", "routes is 5, no list"},
           Damage{"/routes", "[{}]", "there is no name"},
           Damage{"/routes/0/median_ms", "0", "median_ms is 0"},
           Damage{"/routes/0/median_ms", "\"\\n</script>\"", "median_ms is \"\\n</script>\", no number"},
           Damage{"/routes/0/median_ms", "700", "are not around the median 700"},
           Damage{"/routes/0/ratio", "-1", "ratio is -1"},
           Damage{"/routes/0/watts", "-1", "watts is -1"},
           Damage{"/routes/0/group", "2", "is of group 2, of 2"},
           Damage{"/routes/0/group", "-1", "group is -1, no whole number"},
           Damage{"/routes/0/operations", "{\"exact\": 1e300}", "operations is 1e+300, no whole number"},
           Damage{"/routes/0/operations", "[1]", "operations is [1], no object"},
           Damage{"/baseline", "\"a\\nb\"", "its baseline a b has no time"},
           Damage{"/groups", "[5]", "a group is 5, no list"},
           Damage{"/groups", "[[5]]", "a name of a group is 5, no text"},
           Damage{"/options", "null", "options is null, no object"},
           Damage{"/routes/0", "null", "null is no object that has name"},
           Damage{"/packages", "{\"x\": 1}", "x is 1, no text"},
           Damage{"/packages", "{\"x\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]}",
                  "x is a long value, no text"},
           Damage{"/options/mask", "0", "mask is 0, no true or false"},
           Damage{"/height", "1.5", "height is 1.5, no whole number"},
       }) {
    CAPTURE(at, value);
    Json json = step_json();
    json[Json::json_pointer(at)] = Json::parse(value);
    place.write("step.json", json.dump());
    const Outcome outcome = place.ditune("report --bench step.json -o report.html");
    CAPTURE(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.err.starts_with("ditune: error: step.json is no benchmark: "));
    CHECK(has(outcome.err, says));
    CHECK(!has(outcome.err, "json."));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
  }
  CHECK(place.files() == std::vector<std::string>{"step.json", "tuning.db"});
}

TEST_CASE("names in it become text of the page, and words of a command") {
  const std::string hostile = "</script><script>alert(1)</script>'; rm -rf /";
  const Workplace place;
  add_winner(place);
  Json json = step_json();
  json["model"] = json["gpu"] = json["driver"] = json["baseline"] = json["options"]["weights"] = hostile;
  json["packages"] = {{hostile, hostile}};
  json["groups"] = {{hostile}};
  json["routes"] = {route(hostile, 500, 0, {{hostile, 1}}), Json{{"name", hostile}, {"reason", hostile}}};
  const std::string html = report_of(place, json);
  CHECK(!has(html, "<script>alert"));
  CHECK(!has(html, "</script><script>alert"));
  CHECK(has(html,
            "ditune.bench &#39;&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;\\&#39;&#39;; rm -rf /&#39;"));
}
