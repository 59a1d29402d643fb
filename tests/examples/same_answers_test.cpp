// SPDX-License-Identifier: Apache-2.0
// An exported header against the library, on problems that nobody picked.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>

#include "catch.hpp"
#include "db/export_header.hpp"
#include "ditune/library.hpp"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "generator/gemm_s8/fallback.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"
#include "lookup/serving.hpp"
#include "tests/db/compilers.hpp"
#include "tests/db/fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Prints the config and the grid of each problem in its input, for those without a row of the fallback with its kernel,
// or "-".
const char* const kProgram = R"(
#include "tuned.h"

#include <cstdio>

int main() {
  long long m, n, k, row_multiple;
  char device[64], epilogue[64];
  int arch;
  while (std::scanf("%lld %lld %lld %lld %d %63s %63[^\n]", &m, &n, &k, &row_multiple, &arch, epilogue, device) == 7) {
    const ditune_tuned::Row* row = ditune_tuned::find(device, arch, m, n, k, epilogue);
    const auto fallback = ditune_tuned::fallback(arch, n, k, epilogue, row_multiple);
    if (row)
      std::printf("%.*s %lld\n", static_cast<int>(row->config.size()), row->config.data(),
                  ditune_tuned::plan(*row, m).grid);
    else if (fallback && m <= fallback->m_last)
      std::printf("%.*s %lld %s %s\n", static_cast<int>(fallback->config.size()), fallback->config.data(),
                  ditune_tuned::plan(*fallback, m).grid, fallback->kernel->name,
                  reinterpret_cast<const char*>(fallback->kernel->image));
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
          const Gemm gemm{m, n, k, parse_epilogue(epilogue)};
          const Target target{gemm, *device};
          const std::vector<KernelConfig> candidates = enumerate(target);
          TuningRecord record =
              chance(5) == 0 ? predicted_record(gemm, 10.0 + chance(100)) : measured_record(gemm, 10.0 + chance(100));
          record.config = candidates[random() % candidates.size()];
          record.key = {device_class(*device), target.operation, template_hash(record.config),
                        chance(4) == 0 ? Regime::sustained : Regime::burst};
          records.push_back(record);
        }
      }
  return records;
}

// Of any magnitude.
std::int64_t any_extent(std::mt19937& random, std::int64_t most) {
  std::uniform_real_distribution<double> magnitude(0, std::log2(static_cast<double>(most) + 1));
  return std::min(static_cast<std::int64_t>(std::exp2(magnitude(random))), most);
}

std::string made_up_ptx(const KernelConfig& config) { return "by " + std::to_string(k_multiple(config)); }

// What the library's built-in kernels are to a problem, as the program prints it.
std::string built_in(const Gemm& problem, const std::string& epilogue, SmArch arch, std::int64_t row_multiple) {
  if (arch < supported_archs().front() || std::ranges::find(kEpilogues, epilogue) == kEpilogues.end()) return "-";
  const Epilogue fused = parse_epilogue(epilogue);
  const KernelConfig& config = Fallbacks<Gemm>::config(row_multiple);
  const Target target{with(problem, fused), reference_device(runs_as(arch))};
  if (refusal(config, target)) return "-";
  return format(config) + " " + std::to_string(launch_plan(config, target).grid) + " " + fallback_name(config) + " " +
         made_up_ptx(config);
}

}  // namespace

TEST_CASE("an exported header gives the answers of the library, on 100,000 random problems") {
  if (!is_found(DITUNE_GXX)) return;
  constexpr int kProblems = 100'000;
  const TempFolder folder;
  std::mt19937 random(23);
  const std::vector<TuningRecord> records = random_records(random);
  write_file(folder / "tuned.h", export_header(records, {.embed = Embed::cubin,
                                                         .cubin_of = [](const TuningRecord&) { return "a cubin"; },
                                                         .fallback_ptx = made_up_ptx})
                                     .header);
  write_file(folder / "program.cpp", kProgram);
  const std::string program = (folder / "program").string();
  const int built =
      run(DITUNE_GXX " -std=c++17 -O1 " + (folder / "program.cpp").string() + " -o " + program, folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(built == 0);

  const Library library(records);
  std::uniform_real_distribution<double> log_m(0, std::log(9000.0));
  std::string asked, expected;
  int answered = 0, refused = 0;
  const auto ask = [&](const Gemm& problem, const std::string& epilogue, SmArch arch, const std::string& device,
                       std::int64_t row_multiple) {
    for (const std::int64_t number : {problem.m, problem.n, problem.k, row_multiple})
      asked += std::to_string(number) + " ";
    asked += std::to_string(arch.number) + " " + epilogue + " " + device + "\n";
  };
  const auto expect = [&](const std::string& answer) {
    expected += answer + "\n";
    refused += answer == "-";
  };
  for (int i = 0; i < kProblems; ++i) {
    const DeviceInfo& device = *kDevices[random() % kDevices.size()];
    const std::string& epilogue = kEpilogues[random() % kEpilogues.size()];
    const auto& [n, k] = kLayers[random() % kLayers.size()];
    const Gemm problem{static_cast<std::int64_t>(std::exp(log_m(random))), n, k};
    const std::int64_t row_multiple = std::gcd(k, any_extent(random, k));
    ask(problem, epilogue, device.arch, device.name, row_multiple);
    const bool is_known = std::ranges::any_of(records, [&, n = n, k = k](const TuningRecord& record) {
      return record.key.device == device_class(device) && gemm_of(record.key.operation).n == n &&
             gemm_of(record.key.operation).k == k && format(gemm_of(record.key.operation).epilogue) == epilogue;
    });
    std::string answer = "-";
    if (is_known || i % 1000 == 0) {  // the model's answers take long
      const LookupResult found = library.lookup(with(problem, parse_epilogue(epilogue)), device);
      if (found.match == Match::exact || found.match == Match::nearest_m)
        answer = format(found.config) + " " + std::to_string(found.plan.grid);
    }
    answered += answer != "-";
    expect(answer != "-" ? answer : built_in(problem, epilogue, device.arch, row_multiple));
  }
  CHECK(answered > kProblems / 2);
  CHECK(answered < kProblems);
  CHECK(refused == 0);

  // Layers and GPUs that nobody tuned, one in five with an epilogue that nobody did.
  for (int i = 0; i < kProblems; ++i) {
    const Gemm problem{any_extent(random, kMaxExtent), any_extent(random, kMaxExtent), any_extent(random, kMaxK)};
    const std::size_t of = random() % 5;
    const std::string epilogue = of == 4 ? "out=f32" : kEpilogues[of % kEpilogues.size()];
    const SmArch arch{std::array{75, 80, 86, 90, 103, 121}[random() % 6]};
    const std::int64_t row_multiple = random() % 2 == 0 ? problem.k : std::gcd(problem.k, any_extent(random, 256));
    ask(problem, epilogue, arch, "NVIDIA Unknown", row_multiple);
    expect(built_in(problem, epilogue, arch, row_multiple));
  }
  CHECK(refused > kProblems / 5);
  CHECK(refused < kProblems / 2);
  write_file(folder / "asked", asked);
  REQUIRE(run(program + " < " + (folder / "asked").string(), folder / "log") == 0);
  CHECK((read_file(folder / "log") == expected));
}
