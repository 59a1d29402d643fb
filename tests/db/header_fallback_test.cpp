// SPDX-License-Identifier: Apache-2.0
// What an exported header falls back to.
#include <string>
#include <vector>

#include "catch.hpp"
#include "compilers.hpp"
#include "db/cuda_stub.hpp"
#include "db/exported_header.hpp"
#include "fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Prints the kernels of two fallbacks.
const std::string kFallbackProbe = kArgs + R"(
#include <cstdio>

namespace t = ditune_tuned;
constexpr auto plain = t::fallback(120, 1000, 520, "default");
static_assert(plain && plain->arch == 120 && plain->n == 1000 && plain->k == 520 && plain->k_multiple == 1);
static_assert(plain->source == t::Source::fallback && plain->epilogue == "default" && plain->device.empty());
static_assert(plain->m_first == 1 && plain->m_last == 2147483647 && t::plan(*plain, 1).workspace_bytes == 0);
constexpr auto biased = t::fallback(80, 1000, 512, "sx=tensor,bias=bf16,out=f16");
static_assert(biased->k_multiple == 16 && biased->fused.bias == t::ditune::Bias::bf16);
static_assert(t::fallback(80, 1000, 512, "default", 24)->k_multiple == 1);
static_assert(t::fallback(80, 1000, 520, "default", 16)->k_multiple == 1);  // 16 does not divide this K
static_assert(t::fallback(80, 1, 131071)->k == 131071);
static_assert(!t::fallback(75, 1000, 512));
static_assert(!t::fallback(80, 1000, 512, "out=f32"));
static_assert(!t::fallback(80, 0, 512) && !t::fallback(80, 2147483648, 512) && !t::fallback(80, 1000, 0));
static_assert(!t::fallback(80, 1000, 131072) && !t::fallback(80, 1000, 512, "default", 0));
// The last m for which a grid has the CTAs.
constexpr auto wide = t::fallback(80, 2147483647, 512);
static_assert(t::plan(*wide, wide->m_last).grid <= 2147483647 && t::plan(*wide, wide->m_last + 1).grid > 2147483647);

int main() {
  for (const t::Kernel* kernel : {plain->kernel, biased->kernel})
    std::puts(kernel->source ? kernel->source : reinterpret_cast<const char*>(kernel->image));
  t::GemmArgs args = separate_args(7, 1000, 520);
  args.ldx = 521, args.ldw = 523, args.ldy = 1001;
  if (t::argument_error(*plain, args)) return 1;
  args.k = 519;
  return t::argument_error(*plain, args) ? 0 : 2;
}
)";

// In place of the CUDA runtime: launches a fallback of each epilogue of sample_records(). main() is 0 if both took the
// arguments and their epilogue.
const std::string kFallbackLaunchProbe = kArgs + R"(
namespace t = ditune_tuned;
namespace {
t::ditune::FallbackArgs launched;
}

)" + kCudaRuntime + R"(
extern "C" {
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void*, void** parameters) {
  launched = *static_cast<const t::ditune::FallbackArgs*>(parameters[0]);
  return cudaSuccess;
}
}

int main() {
  t::GemmArgs args = separate_args(7, 1000, 512);
  if (t::launch(*t::fallback(90, 1000, 512), args, nullptr) != cudaSuccess) return 1;
  if (launched.gemm.m != 7 || launched.gemm.ldy != 1000 || launched.epilogue.out != t::ditune::Output::bf16) return 2;
  args.bias = at(7);
  const auto biased = t::fallback(90, 1000, 512, "sx=tensor,bias=bf16,out=f16");
  if (t::launch(*biased, args, nullptr) != cudaSuccess || launched.gemm.bias != args.bias) return 3;
  const t::ditune::Epilogue& epilogue = launched.epilogue;
  return epilogue.sx == t::ditune::ScaleX::tensor && epilogue.sw == t::ditune::ScaleW::channel &&
                 epilogue.bias == t::ditune::Bias::bf16 && epilogue.out == t::ditune::Output::f16
             ? 0
             : 4;
}
)";

}  // namespace

TEST_CASE("A header falls back to what the library falls back to, where there is a kernel") {
  if (!is_found(DITUNE_GXX)) return;
  const TempFolder folder;
  write_file(folder / "fallback.cpp", kFallbackProbe);
  const std::string program = (folder / "fallback").string();
  std::vector<TuningRecord> records = sample_records();
  records.push_back(hopper_record());
  const auto [embed, plain, biased] = GENERATE(
      table<Embed, const char*, const char*>({{Embed::source, "mma_s8_tile_64x64x64", "mma_s8_tile_64x128x64"},
                                              {Embed::cubin, ".version 8.0 // by 1\n", ".version 8.0 // by 16\n"}}));
  write_file(folder / "tuned.h", exported(records, embed));
  const int built = run(
      DITUNE_GXX " -std=c++17 -pedantic -Wall -Wextra -Werror " + (folder / "fallback.cpp").string() + " -o " + program,
      folder / "log");
  INFO(read_file(folder / "log"));
  REQUIRE(built == 0);
  REQUIRE(run(program, folder / "log") == 0);
  const std::string kernels = read_file(folder / "log");
  CHECK(contains(kernels, plain));
  CHECK(contains(kernels, biased));
  CHECK(contains(exported(records, Embed::none), "nullptr"));
  CHECK_FALSE(contains(exported(records, Embed::none), "Row> fallback("));
}

TEST_CASE("A header has a fallback's image once, and launches it with the epilogue") {
  if (!is_found(DITUNE_GXX)) return;
  const std::string header = exported(sample_records(), Embed::cubin);
  for (const char* name : {"fallback_mma_s8_tile_64x128x64", "fallback_mma_s8_tile_64x64x64"})
    CHECK(header.find(name) == header.rfind(name));
  const TempFolder folder;
  write_file(folder / "tuned.h", header);
  const int status = run_launch(folder, kFallbackLaunchProbe);
  INFO(read_file(folder / "log"));
  CHECK(status == 0);
}
