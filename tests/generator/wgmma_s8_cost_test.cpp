#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "generator/cost_model.hpp"

using namespace ditune;

namespace {

constexpr std::array kProblems{"4352x13824x4608", "4352x4608x4608", "4352x4608x12288", "1280x4608x4608"};

struct Row {
  const char* config;
  std::array<double, kProblems.size()> tops;
};

// Measured on an H100 SXM in bursts at 1980 MHz.
const std::vector<Row> kMeasured = {
    {"wgmma_s8:tile=128x256,stages=4,cluster=2x1", {1619, 1518, 1611, 1061}},
    {"wgmma_s8:tile=128x192,stages=4,consumers=pingpong,cluster=2x1", {1629, 1465, 1514, 1337}},
    {"wgmma_s8:tile=256x128,stages=4,cluster=1x2", {1594, 1494, 1591, 1058}},
    {"wgmma_s8:tile=256x192,stages=3", {1548, 1258, 1348, 1343}},
    {"wgmma_s8:tile=256x192,stages=3,cluster=2x1", {1546, 1251, 1366, 728}},
    {"wgmma_s8:tile=256x128,stages=4,cluster=2x1", {1460, 1408, 1467, 938}},
    {"wgmma_s8:tile=128x256,stages=4", {1366, 1303, 1332, 1006}},
    {"wgmma_s8:tile=256x128,stages=4", {1418, 1402, 1368, 1073}},
    {"wgmma_s8:tile=128x128,stages=6,consumers=pingpong,cluster=2x1", {1335, 1265, 1259, 1148}},
    {"wgmma_s8:tile=128x128,stages=6,consumers=pingpong", {1057, 1027, 1006, 1040}},
    {"wgmma_s8:tile=64x256,stages=4,consumers=pingpong,cluster=2x1", {1261, 1199, 1194, 1091}},
    {"wgmma_s8:tile=128x192,stages=4,consumers=pingpong", {1261, 1179, 1162, 1207}}};

Prediction on_h100(const std::string& config, const char* problem) {
  return predict(parse_config(config),
                 {.problem = parse_problem(problem), .epilogue = {}, .device = find_device("H100")});
}

double rate(const std::string& config, const char* problem) {
  return tops(parse_problem(problem), on_h100(config, problem).total_us);
}

// The best prediction of a family's candidates.
template <class Config>
double best_us(const char* problem) {
  const Target t{.problem = parse_problem(problem), .epilogue = {}, .device = find_device("H100")};
  double best = 1e30;
  for (const KernelConfig& config : enumerate(t))
    if (std::holds_alternative<Config>(config)) best = std::min(best, predict(config, t).total_us);
  return best;
}

}  // namespace

TEST_CASE("the model explains wgmma_s8's rates on an H100") {
  double squares = 0;
  for (std::size_t p = 0; p < kProblems.size(); ++p) {
    std::vector<double> predicted, measured;
    for (const Row& row : kMeasured) {
      predicted.push_back(rate(row.config, kProblems[p]));
      measured.push_back(row.tops[p]);
      INFO(row.config << " " << kProblems[p] << ": " << predicted.back() << " for " << measured.back());
      CHECK(std::abs(std::log(predicted.back() / measured.back())) < 0.125);
      squares += std::pow(std::log(predicted.back() / measured.back()), 2);
    }
    // What it would pick of these is about the best of them.
    const auto pick = std::ranges::max_element(predicted) - predicted.begin();
    CHECK(measured[pick] > 0.98 * std::ranges::max(measured));
    // Of two that are far apart it knows the faster one.
    for (std::size_t a = 0; a < measured.size(); ++a)
      for (std::size_t b = 0; b < measured.size(); ++b)
        if (measured[a] > 1.2 * measured[b]) CHECK(predicted[a] > predicted[b]);
  }
  CHECK(std::sqrt(squares / static_cast<double>(kMeasured.size() * kProblems.size())) < 0.045);
}

TEST_CASE("the model picks the family by the layer") {
  for (const char* problem : kProblems) CHECK(best_us<WgmmaS8Config>(problem) < 0.75 * best_us<MmaS8Config>(problem));
  for (const char* problem : {"1x4608x4608", "16x4608x4608", "16x13824x4608"})
    CHECK(best_us<MmaS8Config>(problem) < best_us<WgmmaS8Config>(problem));
}

TEST_CASE("stream-K pays where the last wave is nearly empty, and not where it is full") {
  const std::string whole = "wgmma_s8:tile=128x256,stages=4,cluster=2x1";
  const std::string parts = "wgmma_s8:tile=128x256,stages=4,decomposition=stream_k,cluster=2x1";
  const char* nearly_empty = "17152x256x12288";  // 67 tiles of clusters, 66 at once
  CHECK(on_h100(parts, nearly_empty).total_us < 0.8 * on_h100(whole, nearly_empty).total_us);
  CHECK(on_h100(parts, "16896x256x12288").total_us > on_h100(whole, "16896x256x12288").total_us);
}

TEST_CASE("ping-pong consumers hide all epilogues but the last") {
  const std::string cooperative = "wgmma_s8:tile=128x192,stages=4", pingpong = cooperative + ",consumers=pingpong";
  for (const char* problem : {"1280x4608x4608", "4352x13824x4608"}) {  // 2 tiles and 19
    const Prediction together = on_h100(cooperative, problem), in_turns = on_h100(pingpong, problem);
    const double tiles = std::ceil(together.waves), store_us = 128 * 192 * 2 / 25.0 / 1980;
    CHECK(together.total_us - in_turns.total_us == Approx((tiles - 1) * store_us));
  }
  CHECK(on_h100(pingpong, "128x4608x4608").total_us == Approx(on_h100(cooperative, "128x4608x4608").total_us));
}

TEST_CASE("stages hide latency, and parts of a prediction add up") {
  double last = 0;
  for (const char* stages : {"8", "4", "3", "2"}) {
    const double us =
        on_h100(std::string("wgmma_s8:tile=64x128,consumers=pingpong,stages=") + stages, "64x13824x4608").total_us;
    CHECK(us > last);
    last = us;
  }
  for (const Row& row : kMeasured) {
    const Prediction p = on_h100(row.config, "1280x4608x4608");
    CHECK(p.total_us >= std::max({p.math_us, p.l2_us, p.dram_us}) + p.fixed_us);
    CHECK(p.total_us <= p.math_us + p.l2_us + p.dram_us + p.fixed_us);
  }
  CHECK(on_h100("wgmma_s8:tile=128x256,stages=4,cluster=2x1", "4352x4608x4608").waves == Approx(306.0 / 66));
}
