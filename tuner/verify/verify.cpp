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
  copy_to_host(&value, device, bytes, stream);
  stream.synchronize();
  return value;
}

PitchedRows rows_of(const Operand& operand) {
  return {.count = operand.rows(), .bytes = operand.row_bytes(), .pitch = operand.pitch()};
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

void Workspace::clean(const Stream& stream) { fill(buffer_->get(), 0, buffer_->bytes(), stream); }

void Workspace::try_clean(const Stream& stream) noexcept {
  if (buffer_->bytes() == 0) return;
  // Waits, since what is launched next may be on another stream. A device that does not even do this is lost, and
  // whoever uses it next will say so.
  try {
    clean(stream);
    stream.synchronize();
  } catch (const CudaError&) {
  }
}

Verifier::Verifier(const ReferenceKernels& kernels, const DeviceOperands& operands, const Stream& stream)
    : kernels_(kernels) {
  Arguments arguments = operands.arguments(0);
  const std::vector<Operand> rows = operands_of(operands.operation(), arguments);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].role != Role::output || !rows[i].is_present) continue;
    Output& output = outputs_.emplace_back(Output{.operand = rows[i],
                                                  .guarded = &operands.guarded_output(0, i),
                                                  .expected = DeviceBuffer(rows[i].rows() * rows[i].row_bytes()),
                                                  .gathered = {}});
    if (far_apart(rows[i].pitch(), rows[i].row_bytes())) output.gathered = DeviceBuffer(output.expected.bytes());
    set_pointer(arguments, rows[i], output.expected.get());
    if (rows[i].extents.stride_name) set_stride(arguments, rows[i], rows[i].extents.columns);
  }
  kernels.run(operands.operation(), arguments, stream);
  stream.synchronize();
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
  for (const Output& output : outputs_) Verifier::poison(output, poison, stream);
  launch(stream);
  stream.synchronize();

  for (const Output& output : outputs_) {
    const std::string why = failure_of(output, poison, stream);
    if (!why.empty()) return outputs_.size() > 1 ? fmt::format("{}: {}", output.operand.name, why) : why;
  }
  if (launch.plan.workspace_bytes == 0) return {};
  if (const auto wrong = kernels_.check_uniform(workspace.get(), workspace.bytes(), 0, stream))
    return fmt::format("leaves {} bytes of the workspace not zero, the first at {}", wrong->count, wrong->first);
  return {};
}

std::string Verifier::failure_of(const Output& output, unsigned char poison, const Stream& stream) const {
  const Operand& operand = output.operand;
  const Comparable actual = comparable(output, stream);
  if (const auto wrong = kernels_.compare({.actual = actual.data,
                                           .expected = output.expected.get(),
                                           .rows = operand.extents.rows,
                                           .columns = operand.extents.columns,
                                           .stride = actual.stride,
                                           .type = operand.type,
                                           .poison = poison,
                                           .difference = nullptr},
                                          stream))
    return describe(*wrong, output, actual, stream);
  const auto* begin = output.guarded->as<const unsigned char>();
  if (const auto wrong = kernels_.check_uniform(begin, DeviceOperands::kGuardBytes, poison, stream))
    return fmt::format("writes {} bytes before the output", wrong->count);
  const auto* behind = begin + DeviceOperands::kGuardBytes + operand.bytes();
  if (const auto wrong = kernels_.check_uniform(behind, DeviceOperands::kGuardBytes, poison, stream))
    return fmt::format("writes {} bytes behind the output", wrong->count);
  return {};
}

// The output and its guard bands.
void Verifier::poison(const Output& output, unsigned char poison, const Stream& stream) {
  const DeviceBuffer& guarded = *output.guarded;
  if (output.gathered.bytes() == 0) {
    fill(guarded.get(), poison, guarded.bytes(), stream);
    return;
  }
  const Operand& operand = output.operand;
  auto* const begin = guarded.as<unsigned char>();
  auto* const data = begin + DeviceOperands::kGuardBytes;
  fill_rows(data, poison, rows_of(operand), stream);
  for (unsigned char* band : {begin, data + operand.bytes()}) fill(band, poison, DeviceOperands::kGuardBytes, stream);
}

Verifier::Comparable Verifier::comparable(const Output& output, const Stream& stream) {
  const Operand& operand = output.operand;
  if (output.gathered.bytes() == 0) return {static_cast<const unsigned char*>(operand.data), operand.extents.stride};
  gather_rows(output.gathered.get(), operand.data, rows_of(operand), stream);
  return {output.gathered.as<const unsigned char>(), operand.extents.columns};
}

std::string Verifier::describe(const Mismatch& mismatch, const Output& output, const Comparable& actual,
                               const Stream& stream) {
  const std::int64_t columns = output.operand.extents.columns;
  const std::int64_t row = mismatch.first / actual.stride, column = mismatch.first % actual.stride;
  if (column >= columns)
    return fmt::format("{} values wrong, the first between rows: at row {}, column {}", mismatch.count, row, column);
  const auto bits = [&](const unsigned char* values, std::int64_t index) {
    const int size = element_bytes(output.operand.type);
    return bits_at(values + index * size, static_cast<std::size_t>(size), stream);
  };
  return ditune::describe({.count = mismatch.count,
                           .row = row,
                           .column = column,
                           .actual = bits(actual.data, mismatch.first),
                           .right = bits(output.expected.as<const unsigned char>(), row * columns + column)},
                          output.operand);
}

}  // namespace ditune
