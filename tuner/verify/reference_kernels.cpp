// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/reference_kernels.hpp"

#include <algorithm>

namespace ditune {
namespace {

// A thread an item, at most 2^20 CTAs: the kernels walk on from there.
LaunchPlan plan_for(std::int64_t items) {
  LaunchPlan plan;
  plan.grid = std::clamp<long long>(ceil_div(items, kReferenceThreads), 1, 1 << 20);
  plan.block = kReferenceThreads;
  return plan;
}

}  // namespace

KernelSource ReferenceKernels::source() { return {"ditune_reference", "#include \"reference.cuh\"\n"}; }

ReferenceKernels::ReferenceKernels(const CompiledKernel& compiled)
    : fill_int8_(compiled.cubin, "ditune_fill_int8"),
      fill_scales_(compiled.cubin, "ditune_fill_scales"),
      fill_bias_(compiled.cubin, "ditune_fill_bias"),
      gemm_(compiled.cubin, "ditune_reference"),
      compare_(compiled.cubin, "ditune_compare"),
      check_uniform_(compiled.cubin, "ditune_check_uniform"),
      difference_(sizeof(Difference)) {}

void ReferenceKernels::fill_int8(void* data, std::int64_t count, std::uint64_t seed, const Stream& stream) const {
  fill_int8_.launch(plan_for(ceil_div(count, 8)), FillArgs{data, count, seed, Bias::none}, stream);
}

void ReferenceKernels::fill_scales(void* data, std::int64_t count, std::uint64_t seed, const Stream& stream) const {
  fill_scales_.launch(plan_for(count), FillArgs{data, count, seed, Bias::none}, stream);
}

void ReferenceKernels::fill_bias(void* data, std::int64_t count, Bias type, std::uint64_t seed,
                                 const Stream& stream) const {
  fill_bias_.launch(plan_for(count), FillArgs{data, count, seed, type}, stream);
}

void ReferenceKernels::gemm(const ReferenceArgs& args, const Stream& stream) const {
  LaunchPlan plan;
  plan.grid = ceil_div(args.gemm.m, kReferenceTile) * ceil_div(args.gemm.n, kReferenceTile);
  plan.block = kReferenceThreads;
  gemm_.launch(plan, args, stream);
}

std::optional<Mismatch> ReferenceKernels::compare(CompareArgs args, const Stream& stream) const {
  DITUNE_CUDA(cudaMemsetAsync(difference_.get(), 0, sizeof(Difference), stream.get()));
  args.difference = difference_.as<Difference>();
  compare_.launch(plan_for(args.m * args.ldy), args, stream);
  return collect(stream);
}

std::optional<Mismatch> ReferenceKernels::check_uniform(const void* data, std::size_t bytes, unsigned char value,
                                                        const Stream& stream) const {
  DITUNE_CUDA(cudaMemsetAsync(difference_.get(), 0, sizeof(Difference), stream.get()));
  const auto count = static_cast<long long>(bytes);
  check_uniform_.launch(
      plan_for(count), UniformArgs{static_cast<const unsigned char*>(data), count, value, difference_.as<Difference>()},
      stream);
  return collect(stream);
}

std::optional<Mismatch> ReferenceKernels::collect(const Stream& stream) const {
  Difference found = {};
  DITUNE_CUDA(cudaMemcpyAsync(&found, difference_.get(), sizeof found, cudaMemcpyDeviceToHost, stream.get()));
  stream.synchronize();
  if (found.count == 0) return std::nullopt;
  return Mismatch{found.count, static_cast<std::int64_t>(~found.first_complement)};
}

}  // namespace ditune
