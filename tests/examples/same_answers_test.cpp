// An exported header against the library, on problems that nobody picked.
#include <algorithm>
#include <cmath>
#include <random>

#include "catch.hpp"
#include "db/export_header.hpp"
#include "db/serving.hpp"
#include "ditune/library.hpp"
#include "generator/emit.hpp"
#include "generator/search_space.hpp"
#include "tests/db/compilers.hpp"
#include "tests/db/fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Prints the config and the grid of each problem in its input, or "-".
const char* const kProgram = R"(
#include "tuned.h"

#include <cstdio>

int main() {
  long long m, n, k;
  char device[64], epilogue[64];
  int arch;
  while (std::scanf("%lld %lld %lld %d %63s %63[^\n]", &m, &n, &k, &arch, epilogue, device) == 6) {
    const ditune_tuned::Row* row = ditune_tuned::find(device, arch, m, n, k, epilogue);
    if (row)
      std::printf("%.*s %lld\n", static_cast<int>(row->config.size()), row->config.data(),
                  ditune_tuned::plan(*row, m).grid);
    else
      std::puts("-");
  }
}
)";

const std::vector<const DeviceInfo*> kDevices{&find_device("RTX 3090"), &find_device("H100"), &find_device("RTX 4090")};
const std::vector<std::string> kEpilogues{"default", "bias=bf16", "sx=tensor,out=f16"};
const std::vector<std::pair<std::int64_t, std::int64_t>> kLayers{
    {4608, 4608}, {13824, 4608}, {3072, 12288}, {1000, 520}};

// Winners at a few m of some layers: measured and predicted ones, of both regimes, with configs by chance.
std::vector<TuningRecord> random_records(std::mt19937& random) {
  std::vector<TuningRecord> records;
  const auto chance = [&](int of) { return static_cast<int>(random() % static_cast<unsigned>(of)); };
  for (const DeviceInfo* device : kDevices)
    for (const auto& [n, k] : kLayers)
      for (const std::string& epilogue : kEpilogues) {
        if (chance(4) == 0) continue;
        for (const std::int64_t m : {1, 16, 64, 256, 1024, 2304, 4096, 6144}) {
          if (chance(3) == 0) continue;
          const Target target{{m, n, k}, parse_epilogue(epilogue), *device};
          const std::vector<KernelConfig> candidates = enumerate(target);
          TuningRecord record = chance(5) == 0 ? predicted_record(target.problem, 10.0 + chance(100))
                                               : measured_record(target.problem, 10.0 + chance(100));
          record.config = candidates[random() % candidates.size()];
          record.key = {device_class(*device), target.problem, target.epilogue, template_hash(record.config),
                        chance(4) == 0 ? Regime::sustained : Regime::burst};
          records.push_back(record);
        }
      }
  return records;
}

}  // namespace

TEST_CASE("an exported header gives the answers of the library, on 100,000 random problems") {
  if (!is_found(DITUNE_GXX)) return;
  constexpr int kProblems = 100'000;
  const TempFolder folder;
  std::mt19937 random(23);
  const std::vector<TuningRecord> records = random_records(random);
  write_file(folder / "tuned.h", export_header(records, {}).header);
  write_file(folder / "program.cpp", kProgram);
  const std::string program = (folder / "program").string();
  const int built =
      run(DITUNE_GXX " -std=c++17 -O1 " + (folder / "program.cpp").string() + " -o " + program, folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(built == 0);

  const Library library(records);
  std::uniform_real_distribution<double> log_m(0, std::log(9000.0));
  std::string asked, expected;
  int answered = 0;
  for (int i = 0; i < kProblems;) {
    const DeviceInfo& device = *kDevices[random() % kDevices.size()];
    const std::string& epilogue = kEpilogues[random() % kEpilogues.size()];
    const auto& [n, k] = kLayers[random() % kLayers.size()];
    const GemmProblem problem{static_cast<std::int64_t>(std::exp(log_m(random))), n, k};
    const bool is_known = std::ranges::any_of(records, [&, n = n, k = k](const TuningRecord& record) {
      return record.key.device == device_class(device) && record.key.problem.n == n && record.key.problem.k == k &&
             format(record.key.epilogue) == epilogue;
    });
    if (!is_known && i % 1000 != 0) continue;  // the model's answers take long
    ++i;
    asked += std::to_string(problem.m) + " " + std::to_string(n) + " " + std::to_string(k) + " " +
             std::to_string(device.arch.number) + " " + epilogue + " " + device.name + "\n";
    const LookupResult found = library.lookup(problem, parse_epilogue(epilogue), device);
    const bool has_record = found.match == Match::exact || found.match == Match::nearest_m;
    expected += has_record ? format(found.config) + " " + std::to_string(found.plan.grid) + "\n" : "-\n";
    answered += has_record;
  }
  CHECK(answered > kProblems / 2);
  CHECK(answered < kProblems);
  write_file(folder / "asked", asked);
  REQUIRE(run(program + " < " + (folder / "asked").string(), folder / "log") == 0);
  CHECK((read_file(folder / "log") == expected));
}
