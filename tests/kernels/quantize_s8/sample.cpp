// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize_s8/sample.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "core/quantize_s8/prologue_fields.hpp"
#include "ditune/error.hpp"
#include "quantize.hpp"

namespace ditune::test {
namespace {

constexpr Prologue kModulated{.modulate = Modulation::scale1_shift};
constexpr Prologue kWeighted{.norm = Norm::rms, .weight = NormWeight::plain};

const std::vector<Quantize> kTypical = {{6144, 4608},
                                        {6144, 4608, kModulated},
                                        {300, 4613, kWeighted},
                                        {4096, 12288},
                                        {17, 1000},
                                        {2048, 255, kModulated},
                                        {1, 1},
                                        {16, 131064},
                                        {16, 131071}};

// One row, one column; less than an octet, an octet, one and a half; as many octets as threads or a few more or less;
// K at every alignment.
constexpr std::array kColumns{1,    7,    8,    17,   40,   130,  255,  256,  300,  512,  776,   1000, 1001,
                              1031, 1536, 2304, 2309, 3072, 4096, 4600, 4608, 4611, 4616, 12288, 12293};
constexpr std::array kRows{1, 2, 5, 17, 40};

Operation fuse(const Operation& sizes, const Operation& fused) {
  return with(quantize_of(sizes), quantize_of(fused).prologue);
}

// Values.
double effort(const Case& one) {
  const Quantize& quantize = quantize_of(one.target.operation);
  return static_cast<double>(quantize.m) * static_cast<double>(quantize.k);
}

void lengthen(Case&) {}  // extreme values are those of rows

bool is_legal(const Prologue& prologue) {
  try {
    validate(prologue);
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

}  // namespace

std::vector<Operation> random_prologues(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto one_of = [&](const auto& values) { return values[random() % values.size()]; };
  std::vector<Operation> prologues;
  for (bool is_plain = false; prologues.size() < count;) {
    auto prologue = from_index<Prologue>(random() % kCombinations<Prologue>);
    prologue.rotate = one_of(Fields<Prologue>::kGroups);
    prologue.split = one_of(std::array{0, 8, 21});
    prologue.head = has_heads(prologue) ? one_of(std::array{16, 32, 64, 128, 256}) : 0;
    if (prologue.head != 0) prologue.rotate = 1;
    if (is_plain) {
      prologue.residual = Branch::none, prologue.norm = Norm::none, prologue.modulate = Modulation::none;
      prologue.weight = NormWeight::none, prologue.bias = NormBias::none, prologue.table = ModulationTable::all;
    }
    if (!is_legal(prologue)) continue;
    prologues.emplace_back(Quantize{.prologue = prologue});
    is_plain = !is_plain;
  }
  return prologues;
}

std::vector<Operation> covering_prologues() {
  constexpr std::size_t kMany = 4000;
  return covering_fused(random_prologues(kMany, 1));
}

KindSample quantize_sample() {
  // Groups and heads make K a multiple of theirs: without, it is ragged.
  std::vector<Operation> fused = covering_prologues();
  for (std::size_t i = 0, count = fused.size(); i < count; ++i) {
    Prologue prologue = quantize_of(fused[i]).prologue;
    prologue.rotate = 1, prologue.head = 0, prologue.rope = Rope::none;
    if (prologue.norm == Norm::rms_head) prologue.norm = Norm::rms;
    if (std::ranges::find(fused, Operation(Quantize{.prologue = prologue})) == fused.end())
      fused.emplace_back(Quantize{.prologue = prologue});
  }
  std::vector<Operation> awkward;
  for (const int m : kRows)
    for (const int k : kColumns) awkward.emplace_back(Quantize{.m = m, .k = k});
  return {.typical = {kTypical.begin(), kTypical.end()},
          .fused = std::move(fused),
          .awkward = std::move(awkward),
          .with = fuse,
          .effort = effort,
          .most_effort = 5e4,
          .lengthen = lengthen,
          .hands = 2,
          .problems = 3,
          .runs = 3};
}

}  // namespace ditune::test
