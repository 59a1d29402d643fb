// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/operands.hpp"

#include "tuner/verify/host_operands.hpp"

namespace ditune {
namespace {

DeviceBuffer allocate(std::size_t bytes) { return bytes == 0 ? DeviceBuffer() : DeviceBuffer(bytes); }

}  // namespace

Operands::Operands(const Gemm& gemm, const Strides& strides, int sets, const Contents& contents,
                   const ReferenceKernels& kernels, const Stream& stream)
    : gemm_(gemm), strides_(strides) {
  output_bytes_ = operand_counts(gemm, strides).y * static_cast<std::size_t>(ditune::output_bytes(gemm.epilogue.out));
  std::mt19937_64 seeds(contents.seed);
  for (int i = 0; i < sets; ++i) {
    const Set& set = sets_.emplace_back(allocate_set());
    if (contents.values == Values::random)
      fill_random(set, seeds, kernels, stream);
    else
      copy_from_host(set, {seeds(), contents.values}, stream);
  }
  stream.synchronize();
}

Operands::Set Operands::allocate_set() const {
  const OperandCounts counts = operand_counts(gemm_, strides_);
  return {
      .x = allocate(counts.x),
      .w = allocate(counts.w),
      .sx = allocate(4 * counts.sx),
      .sw = allocate(4 * counts.sw),
      .bias = allocate(counts.bias * bias_bytes(gemm_.epilogue.bias)),
      .y = allocate(output_bytes_ + 2 * kGuardBytes),
  };
}

void Operands::fill_random(const Set& set, std::mt19937_64& seeds, const ReferenceKernels& kernels,
                           const Stream& stream) const {
  const OperandCounts counts = operand_counts(gemm_, strides_);
  kernels.fill_int8(set.x.get(), static_cast<std::int64_t>(counts.x), seeds(), stream);
  kernels.fill_int8(set.w.get(), static_cast<std::int64_t>(counts.w), seeds(), stream);
  kernels.fill_scales(set.sx.get(), static_cast<std::int64_t>(counts.sx), seeds(), stream);
  kernels.fill_scales(set.sw.get(), static_cast<std::int64_t>(counts.sw), seeds(), stream);
  kernels.fill_bias(set.bias.get(), static_cast<std::int64_t>(counts.bias), gemm_.epilogue.bias, seeds(), stream);
}

void Operands::copy_from_host(const Set& set, const Contents& contents, const Stream& stream) const {
  const HostOperands host(gemm_, strides_, contents);
  const GemmArgs args = host.args();
  const auto copy = [&](const DeviceBuffer& to, const void* from) {
    if (to.bytes() > 0) DITUNE_CUDA(cudaMemcpyAsync(to.get(), from, to.bytes(), cudaMemcpyHostToDevice, stream.get()));
  };
  copy(set.x, args.x);
  copy(set.w, args.w);
  copy(set.sx, args.sx);
  copy(set.sw, args.sw);
  copy(set.bias, args.bias);
  stream.synchronize();  // the host's operands end here
}

GemmArgs Operands::args(int index) const {
  const Set& set = sets_.at(static_cast<std::size_t>(index));
  GemmArgs args = {};
  args.x = set.x.as<const signed char>();
  args.w = set.w.as<const signed char>();
  args.y = set.y.as<unsigned char>() + kGuardBytes;
  args.sx = set.sx.as<const float>();
  args.sw = set.sw.as<const float>();
  args.bias = set.bias.get();
  args.m = gemm_.m;
  args.n = gemm_.n;
  args.k = gemm_.k;
  args.ldx = strides_.x;
  args.ldw = strides_.w;
  args.ldy = strides_.y;
  return args;
}

}  // namespace ditune
