// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "generator/arguments.hpp"
#include "generator/kernel_parameter.hpp"
#include "generator/launch_plan.hpp"
#include "tuner/verify/verdict.hpp"

namespace ditune {
namespace {

// All ones in the exponent, not all zeros in the mantissa.
bool is_nan(unsigned bits, Element type) {
  switch (type) {
    case Element::bf16:
      return (bits & 0x7fff) > 0x7f80;
    case Element::f16:
      return (bits & 0x7fff) > 0x7c00;
    case Element::f32:
      return (bits & 0x7fffffff) > 0x7f800000;
    default:
      return false;
  }
}

// An output between guard bytes. Before a launch every output is the complement of what is right, so that one that is
// not written, be it in part, is wrong; all else is poison, and still is afterwards.
class GuardedOutput {
 public:
  GuardedOutput(const Operand& operand, const std::vector<std::byte>& expected)
      : operand_(operand),
        size_(static_cast<std::size_t>(element_bytes(operand.type))),
        expected_(expected),
        rows_(shape_of(operand), kGuardBytes) {
    for (const std::span<std::byte> gap : rows_.beside()) std::ranges::fill(gap, kPoison);
    for (std::size_t i = 0; i < shape().rows; ++i) {
      const std::byte* right = expected_.data() + shape().bytes * i;
      std::transform(right, right + shape().bytes, rows_.row(i).begin(), [](std::byte b) { return ~b; });
    }
  }

  // What a launch in place begins with: those rows, which have its shape.
  void hold(const Operand& input) {
    const auto* from = static_cast<const std::byte*>(input.data);
    for (std::size_t i = 0; i < shape().rows; ++i)
      std::copy_n(from + i * shape().pitch, shape().bytes, rows_.row(i).begin());
  }

  const Operand& operand() const { return operand_; }
  const HostRows& rows() const { return rows_; }
  std::vector<std::byte> contents() const {
    std::vector<std::byte> all;
    for (std::size_t i = 0; i < shape().rows; ++i) all.insert(all.end(), rows_.row(i).begin(), rows_.row(i).end());
    return all;
  }

  std::string failure() const {
    if (const auto wrong = wrong_outputs()) return describe(*wrong, operand_);
    return written_beside();
  }

 private:
  static constexpr std::size_t kGuardBytes = 64;
  static constexpr std::byte kPoison{0xa5};

  const RowShape& shape() const { return rows_.shape(); }

  unsigned bits_at(const std::byte* at) const {
    unsigned bits = 0;
    std::memcpy(&bits, at, size_);  // little-endian, as the device
    return bits;
  }

  std::optional<WrongOutputs> wrong_outputs() const {
    WrongOutputs wrong;
    const std::byte* expected = expected_.data();
    for (long long row = 0; row < operand_.extents.rows; ++row) {
      for (long long column = 0; column < operand_.extents.columns; ++column, expected += size_) {
        const unsigned actual =
            bits_at(rows_.row(static_cast<std::size_t>(row)).data() + static_cast<std::size_t>(column) * size_);
        const unsigned right = bits_at(expected);
        if (actual == right || (is_nan(actual, operand_.type) && is_nan(right, operand_.type))) continue;
        if (wrong.count++ == 0) wrong = {.count = 1, .row = row, .column = column, .actual = actual, .right = right};
      }
    }
    return wrong.count > 0 ? std::optional(wrong) : std::nullopt;
  }

  std::string written_beside() const {
    std::ptrdiff_t count = 0, first = 0;
    for (const std::span<std::byte> gap : rows_.beside()) {
      const auto touched = [](std::byte b) { return b != kPoison; };
      const auto here = std::ranges::count_if(gap, touched);
      if (count == 0 && here > 0) first = &*std::ranges::find_if(gap, touched) - rows_.data();
      count += here;
    }
    if (count == 0) return {};
    return fmt::format("writes {} bytes beside the output, the first {} bytes from its start", count, first);
  }

  Operand operand_;
  std::size_t size_;
  const std::vector<std::byte>& expected_;
  HostRows rows_;
};

// What the emulation reads in the place of a tensor map: its description.
TensorMap describe_tensor(const TensorMapSpec& spec) {
  static_assert(sizeof(TensorMapSpec) <= sizeof(TensorMap));
  TensorMap map = {};
  std::memcpy(&map, &spec, sizeof(spec));
  return map;
}

constexpr int kResident = 3;  // CTAs that run at once, or one on each SM: those that share tiles wait for one another

// The input that this output may be, with rows of the same shape; null if there is none. Wherever a launch may be in
// place, it is.
const Operand* in_place(const Operand& output, std::span<const Operand> operands) {
  for (std::size_t j = 0; output.may_be >> j != 0; ++j) {
    if ((output.may_be >> j & 1) == 0 || j >= operands.size()) continue;
    const Operand& input = operands[j];
    if (input.is_present && input.type == output.type && input.bytes() == output.bytes() &&
        input.pitch() == output.pitch())
      return &input;
  }
  return nullptr;
}

// What is wrong with the first wrong one, by its name where there are several.
std::string failure_of(const std::vector<GuardedOutput>& outputs) {
  for (const GuardedOutput& output : outputs) {
    const std::string failure = output.failure();
    if (!failure.empty()) return outputs.size() > 1 ? fmt::format("{}: {}", output.operand().name, failure) : failure;
  }
  return {};
}

}  // namespace

HostProblem::HostProblem(const Target& target, const Strides& strides, const Contents& contents)
    : target_(target),
      operands_(target.operation, strides, contents),
      expected_(plain_outputs(target.operation, operands_.arguments())) {}

Emulation HostProblem::run(const HostKernel& kernel, const KernelConfig& config, std::uint64_t schedule,
                           const MakeParameter& make_parameter) const {
  const LaunchPlan plan = launch_plan(config, target_);
  Arguments arguments = operands_.arguments();
  std::vector<emulation::Region> memory = operands_.regions();
  std::vector<GuardedOutput> outputs;
  std::vector<HostRows> scratch;
  const std::vector<Operand> operands = operands_of(target_.operation, arguments, plan.workspace_bytes);
  for (const Operand& operand : operands) {
    if (operand.role == Role::input || !operand.is_present) continue;
    const bool is_output = operand.role == Role::output;
    const HostRows& rows = is_output ? outputs.emplace_back(operand, expected_.at(outputs.size())).rows()
                                     : scratch.emplace_back(shape_of(operand));
    if (!is_output) std::ranges::fill(rows.row(0), std::byte{0});
    memory.push_back(region_of(operand, rows));
    if (const Operand* const input = in_place(operand, operands)) {
      outputs.back().hold(*input);
      memory.back().use = emulation::Use::inout;
      set_pointer(arguments, *input, rows.data());
    }
    set_pointer(arguments, operand, rows.data());
  }
  check_args(config, target_.operation, arguments, plan.workspace_bytes);
  const KernelParameter parameter = make_parameter
                                        ? make_parameter(arguments)
                                        : kernel_parameter(config, target_.operation, arguments, describe_tensor);

  emulation::Report report = kernel.run({.grid = static_cast<int>(plan.grid),
                                         .cluster = plan.cluster,
                                         .block = plan.block,
                                         .dependent = plan.dependent,
                                         .shared_bytes = static_cast<std::size_t>(plan.shared_bytes),
                                         .shared_limit = static_cast<std::size_t>(target_.device.shared_per_block),
                                         .seed = schedule,
                                         .resident = std::max(kResident, target_.device.sms)},
                                        memory, parameter);
  Emulation emulation{.failure = report.fault.empty() ? failure_of(outputs) : std::move(report.fault),
                      .shared = std::move(report.shared),
                      .outputs = {}};
  for (const GuardedOutput& output : outputs) emulation.outputs.push_back(output.contents());
  return emulation;
}

}  // namespace ditune
