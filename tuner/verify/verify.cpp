// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/verify.hpp"

#include <fmt/format.h>

#include "tuner/verify/verdict.hpp"

namespace ditune {
namespace {

// What the output holds before a launch. The first is a NaN in every floating-point type; the second differs from it in
// every element, so that an element that was never written is wrong at least once.
constexpr unsigned char kPoisons[] = {0xFF, 0x5A};

// Of an output, little-endian as the device.
unsigned bits_at(const void* device, std::size_t bytes, const Stream& stream) {
  unsigned value = 0;
  DITUNE_CUDA(cudaMemcpyAsync(&value, device, bytes, cudaMemcpyDeviceToHost, stream.get()));
  stream.synchronize();
  return value;
}

// Cleans the workspace unless told that the kernel left it clean: one that is wrong or fails may leave anything there,
// and the next kernel counts on zeros.
class CleanUp {
 public:
  CleanUp(Workspace& workspace, const Stream& stream) : workspace_(workspace), stream_(stream) {}
  CleanUp(const CleanUp&) = delete;
  CleanUp& operator=(const CleanUp&) = delete;
  ~CleanUp() {
    if (needed_) workspace_.try_clean(stream_);
  }
  void not_needed() { needed_ = false; }

 private:
  Workspace& workspace_;
  const Stream& stream_;
  bool needed_ = true;
};

}  // namespace

void* Workspace::zeros(std::size_t bytes, const Stream& stream) {
  if (bytes == 0) return nullptr;
  if (buffer_->bytes() < bytes + kGuardBytes) {
    buffer_ = std::make_shared<DeviceBuffer>(bytes + kGuardBytes);  // if there is no memory for it, the old one stays
    clean(stream);
  }
  return buffer_->get();
}

void Workspace::clean(const Stream& stream) {
  DITUNE_CUDA(cudaMemsetAsync(buffer_->get(), 0, buffer_->bytes(), stream.get()));
}

void Workspace::try_clean(const Stream& stream) noexcept {
  if (buffer_->bytes() == 0) return;
  // Waits, since what is launched next may be on another stream. A device that does not even do this is lost, and
  // whoever uses it next will say so.
  static_cast<void>(cudaMemsetAsync(buffer_->get(), 0, buffer_->bytes(), stream.get()));
  static_cast<void>(cudaStreamSynchronize(stream.get()));
  static_cast<void>(cudaGetLastError());
}

Verifier::Verifier(const Epilogue& epilogue, const ReferenceKernels& kernels, const Operands& operands,
                   const Stream& stream)
    : epilogue_(epilogue), kernels_(kernels), operands_(operands) {
  ReferenceArgs args{operands.args(0), epilogue};
  expected_ = DeviceBuffer(static_cast<std::size_t>(args.gemm.m * args.gemm.n * output_bytes(epilogue.out)));
  args.gemm.y = expected_.get();
  args.gemm.ldy = args.gemm.n;
  kernels.gemm(args, stream);
  stream.synchronize();
  const GemmArgs own = operands.args(0);
  const auto size = static_cast<std::size_t>(output_bytes(epilogue.out));
  if (far_apart(size * static_cast<std::size_t>(own.ldy), size * static_cast<std::size_t>(own.n)))
    gathered_ = DeviceBuffer(expected_.bytes());
}

std::string Verifier::failure(const PreparedLaunch& launch, Workspace& workspace, const Stream& stream) const {
  CleanUp clean_up(workspace, stream);
  for (const unsigned char poison : kPoisons) {
    std::string why = failure_on(poison, launch, *workspace.buffer(), stream);
    if (!why.empty()) return why;
  }
  clean_up.not_needed();
  return {};
}

std::string Verifier::failure_on(unsigned char poison, const PreparedLaunch& launch, const DeviceBuffer& workspace,
                                 const Stream& stream) const {
  poison_output(poison, stream);
  launch(stream);
  stream.synchronize();

  const GemmArgs args = comparable(stream);
  if (const auto wrong = kernels_.compare({.actual = args.y,
                                           .expected = expected_.get(),
                                           .m = args.m,
                                           .n = args.n,
                                           .ldy = args.ldy,
                                           .type = epilogue_.out,
                                           .poison = poison,
                                           .difference = nullptr},
                                          stream))
    return describe(*wrong, args, stream);
  const auto* begin = operands_.guarded_output(0).as<const unsigned char>();
  if (const auto wrong = kernels_.check_uniform(begin, Operands::kGuardBytes, poison, stream))
    return fmt::format("writes {} bytes before the output", wrong->count);
  const auto* behind = begin + Operands::kGuardBytes + operands_.output_bytes();
  if (const auto wrong = kernels_.check_uniform(behind, Operands::kGuardBytes, poison, stream))
    return fmt::format("writes {} bytes behind the output", wrong->count);

  if (launch.plan.workspace_bytes == 0) return {};
  if (const auto wrong = kernels_.check_uniform(workspace.get(), workspace.bytes(), 0, stream))
    return fmt::format("leaves {} bytes of the workspace not zero, the first at {}", wrong->count, wrong->first);
  return {};
}

// Y and its guard bands.
void Verifier::poison_output(unsigned char poison, const Stream& stream) const {
  const DeviceBuffer& output = operands_.guarded_output(0);
  if (gathered_.bytes() == 0) {
    DITUNE_CUDA(cudaMemsetAsync(output.get(), poison, output.bytes(), stream.get()));
    return;
  }
  const GemmArgs args = operands_.args(0);
  const auto size = static_cast<std::size_t>(output_bytes(epilogue_.out));
  const auto rows = static_cast<std::size_t>(args.m), width = static_cast<std::size_t>(args.n) * size;
  DITUNE_CUDA(cudaMemset2DAsync(args.y, static_cast<std::size_t>(args.ldy) * size, poison, width, rows, stream.get()));
  auto* const begin = output.as<unsigned char>();
  for (unsigned char* band : {begin, begin + Operands::kGuardBytes + operands_.output_bytes()})
    DITUNE_CUDA(cudaMemsetAsync(band, poison, Operands::kGuardBytes, stream.get()));
}

// The arguments of a launch with the Y that is compared: its own, or the rows of it without what lies between them.
GemmArgs Verifier::comparable(const Stream& stream) const {
  GemmArgs args = operands_.args(0);
  if (gathered_.bytes() == 0) return args;
  const auto size = static_cast<std::size_t>(output_bytes(epilogue_.out));
  const auto rows = static_cast<std::size_t>(args.m), width = static_cast<std::size_t>(args.n) * size;
  DITUNE_CUDA(cudaMemcpy2DAsync(gathered_.get(), width, args.y, static_cast<std::size_t>(args.ldy) * size, width, rows,
                                cudaMemcpyDeviceToDevice, stream.get()));
  args.y = gathered_.get();
  args.ldy = args.n;
  return args;
}

std::string Verifier::describe(const Mismatch& mismatch, const GemmArgs& args, const Stream& stream) const {
  const std::int64_t size = output_bytes(epilogue_.out);
  const std::int64_t row = mismatch.first / args.ldy, column = mismatch.first % args.ldy;
  if (column >= args.n)
    return fmt::format("{} values wrong, the first between rows: at row {}, column {}", mismatch.count, row, column);
  const auto bits = [&](const void* outputs, std::int64_t index) {
    return bits_at(static_cast<const unsigned char*>(outputs) + index * size, static_cast<std::size_t>(size), stream);
  };
  return ditune::describe({.count = mismatch.count,
                           .row = row,
                           .column = column,
                           .actual = bits(args.y, mismatch.first),
                           .right = bits(expected_.get(), row * args.n + column)},
                          args.m * args.n, epilogue_.out);
}

}  // namespace ditune
