// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/device_operands.hpp"

#include "tuner/verify/host_operands.hpp"

namespace ditune {

DeviceOperands::DeviceOperands(const Wanted& wanted, const ReferenceKernels& kernels, const Stream& stream)
    : operation_(wanted.operation), strides_(wanted.strides), operands_(operands_of(operation_, strides_)) {
  const Contents& contents = wanted.contents;
  std::mt19937_64 seeds(contents.seed);
  for (int i = 0; i < wanted.sets; ++i) {
    const Set& set = sets_.emplace_back(allocate_set());
    if (contents.values == Values::random)
      fill_random(set, seeds, kernels, stream);
    else
      copy_from_host(set, {seeds(), contents.values}, stream);
  }
  stream.synchronize();
}

DeviceOperands::Set DeviceOperands::allocate_set() const {
  Set set{.arguments = arguments_of(operation_, strides_), .buffers = {}};
  for (const Operand& operand : operands_) {
    DeviceBuffer& buffer = set.buffers.emplace_back();
    if (!operand.is_present) continue;
    const std::size_t guard = operand.role == Role::output ? kGuardBytes : 0;
    buffer = DeviceBuffer(guard + operand.bytes() + guard);
    set_pointer(set.arguments, operand, buffer.as<std::byte>() + guard);
  }
  return set;
}

void DeviceOperands::fill_random(const Set& set, std::mt19937_64& seeds, const ReferenceKernels& kernels,
                                 const Stream& stream) const {
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    if (operands_[i].role != Role::input) continue;
    const std::uint64_t seed = seeds();  // whether or not it is there: the others stay as they are
    if (operands_[i].is_present) kernels.fill(operands_[i], set.buffers[i].get(), seed, stream);
  }
}

void DeviceOperands::copy_from_host(const Set& set, const Contents& contents, const Stream& stream) const {
  const HostOperands host(operation_, strides_, contents);
  const std::vector<Operand> from = operands_of(operation_, host.arguments());
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i].role == Role::input && from[i].is_present)
      copy_to_device(set.buffers[i].get(), from[i].data, from[i].bytes(), stream);
  stream.synchronize();  // the host's operands end here
}

}  // namespace ditune
