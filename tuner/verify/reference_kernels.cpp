// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/reference_kernels.hpp"

#include <algorithm>
#include <string>

#include "core/kind.hpp"
#include "tuner/verify/verifications.hpp"

namespace ditune {
namespace {

// A thread an item, at most 2^20 CTAs: the kernels walk on from there.
LaunchPlan plan_for(std::int64_t items) {
  LaunchPlan plan;
  plan.grid = std::clamp<long long>(ceil_div(items, kVerificationThreads), 1, 1 << 20);
  plan.block = kVerificationThreads;
  return plan;
}

}  // namespace

KernelSource ReferenceKernels::source() {
  std::string text = "#include \"verification.cuh\"\n";
  for_each_kind([&]<class Op> { text.append("#include \"").append(Verification<Op>::kReferenceFile).append("\"\n"); });
  return {"ditune_reference", text};
}

ReferenceKernels::ReferenceKernels(const CompiledKernel& compiled)
    : fill_int8_(compiled.cubin, "ditune_fill_int8"),
      fill_scales_(compiled.cubin, "ditune_fill_scales"),
      fill_addends_(compiled.cubin, "ditune_fill_addends"),
      fill_indices_(compiled.cubin, "ditune_fill_indices"),
      compare_(compiled.cubin, "ditune_compare"),
      check_uniform_(compiled.cubin, "ditune_check_uniform"),
      difference_(sizeof(Difference)) {
  for_each_kind(
      [&]<class Op> { references_.emplace_back(compiled.cubin, std::string(Verification<Op>::kReferenceKernel)); });
}

void ReferenceKernels::fill(const Operand& operand, void* data, std::uint64_t seed, const Stream& stream) const {
  const FillArgs args{data, static_cast<long long>(operand.bytes()) / element_bytes(operand.type), seed, operand.type,
                      operand.below};
  switch (operand.fill) {
    case Fill::none:
      return;
    case Fill::left:
    case Fill::right:
      return fill_int8_.launch(plan_for(ceil_div(args.count, 8)), args, stream);
    case Fill::scale:
      return fill_scales_.launch(plan_for(args.count), args, stream);
    case Fill::addend:
      return fill_addends_.launch(plan_for(args.count), args, stream);
    case Fill::index:
      return fill_indices_.launch(plan_for(args.count), args, stream);
  }
}

void ReferenceKernels::run(const Operation& operation, const Arguments& arguments, const Stream& stream) const {
  visit_kind(operation, arguments, [&]<class Op>(const Op& op, const ArgsOf<Op>& args) {
    LaunchPlan plan;
    plan.grid = Verification<Op>::reference_ctas(op);
    plan.block = kVerificationThreads;
    references_.at(operation.index()).launch(plan, Verification<Op>::reference_parameter(op, args), stream);
  });
}

std::optional<Mismatch> ReferenceKernels::compare(CompareArgs args, const Stream& stream) const {
  ditune::fill(difference_.get(), 0, sizeof(Difference), stream);
  args.difference = difference_.as<Difference>();
  compare_.launch(plan_for(args.rows * args.stride), args, stream);
  return collect(stream);
}

std::optional<Mismatch> ReferenceKernels::check_uniform(const void* data, std::size_t bytes, unsigned char value,
                                                        const Stream& stream) const {
  ditune::fill(difference_.get(), 0, sizeof(Difference), stream);
  const auto count = static_cast<long long>(bytes);
  check_uniform_.launch(
      plan_for(count), UniformArgs{static_cast<const unsigned char*>(data), count, value, difference_.as<Difference>()},
      stream);
  return collect(stream);
}

std::optional<Mismatch> ReferenceKernels::collect(const Stream& stream) const {
  Difference found = {};
  copy_to_host(&found, difference_.get(), sizeof found, stream);
  stream.synchronize();
  if (found.count == 0) return std::nullopt;
  return Mismatch{found.count, static_cast<std::int64_t>(~found.first_complement)};
}

}  // namespace ditune
