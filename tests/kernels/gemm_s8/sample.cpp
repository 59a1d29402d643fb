// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm_s8/sample.hpp"

#include "ditune/epilogue.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"

namespace ditune::test {
namespace {

// One row, one column, one K; sizes that divide nothing; a K that ends within the pipeline; several tiles, whole ones
// and none whole; a K for many parts, that they do not divide. K at every alignment.
const std::vector<Gemm> kAwkward = {{1, 1, 1},       {16, 8, 17},     {17, 131, 36},   {1, 40, 100},   {33, 75, 101},
                                    {257, 130, 40},  {130, 262, 48},  {64, 128, 128},  {520, 24, 64},  {70, 320, 72},
                                    {100, 130, 272}, {128, 256, 192}, {65, 136, 333},  {40, 72, 528},  {17, 40, 700},
                                    {33, 24, 589},   {24, 65, 1048},  {5, 40, 1036},   {1, 33, 1031},  {16, 33, 1040},
                                    {19, 33, 2064},  {16, 33, 4112},  {200, 328, 400}, {300, 520, 144}};

const std::vector<Gemm> kTypical = {{4096, 4608, 4608}, {6144, 128, 4608}, {256, 4608, 53248}, {257, 130, 4608},
                                    {16, 4608, 4608},   {1, 18432, 512},   {4096, 4608, 4600}, {4096, 4608, 4604},
                                    {4096, 4608, 4605}, {100, 130, 40},    {64, 24, 36},       {17, 8, 17},
                                    {1, 1, 1}};

Operation fuse(const Operation& sizes, const Operation& fused) { return with(gemm_of(sizes), gemm_of(fused).epilogue); }

// Threads of the launch times K.
double effort(const Case& one) {
  const LaunchPlan plan = launch_plan(one.config, one.target);
  return static_cast<double>(plan.grid) * plan.block * static_cast<double>(gemm_of(one.target.operation).k);
}

// To a K whose sums, and those of its parts, a float does not hold.
void lengthen(Case& one) {
  gemm_of(one.target.operation).k += launch_plan(one.config, one.target).workspace_bytes > 0 ? 4096 : 2048;
}

std::vector<Operation> covering() {
  std::vector<Operation> all;
  for (const Epilogue& epilogue : all_epilogues()) all.emplace_back(with({}, epilogue));
  for (std::size_t i = 0, count = all.size(); i < count; ++i) {
    Epilogue epilogue = gemm_of(all[i]).epilogue;
    if (epilogue.op == EpilogueOp::none || epilogue.op == EpilogueOp::swiglu) continue;
    epilogue.from = 21;  // in the middle of a tile, and of a lane's columns
    all.emplace_back(with({}, epilogue));
  }
  return covering_fused(all);
}

}  // namespace

std::vector<Epilogue> covering_epilogues() {
  std::vector<Epilogue> epilogues;
  for (const Operation& operation : covering()) epilogues.push_back(gemm_of(operation).epilogue);
  return epilogues;
}

KindSample gemm_sample() {
  return {.typical = {kTypical.begin(), kTypical.end()},
          .fused = covering(),
          .awkward = {kAwkward.begin(), kAwkward.end()},
          .with = fuse,
          .effort = effort,
          .most_effort = 1e6,
          .lengthen = lengthen,
          .hands = 2,
          .problems = 2,
          .runs = 3};
}

}  // namespace ditune::test
