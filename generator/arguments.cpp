// SPDX-License-Identifier: Apache-2.0
#include "generator/arguments.hpp"

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <vector>

#include "ditune/error.hpp"
#include "generator/families.hpp"

namespace ditune {
namespace {

// Where operands lie.
struct Memory {
  std::string_view name;
  int alignment;  // bytes, of every pointer; 0: its element's
};
constexpr Memory kDeviceMemory{"device memory", kPointerAlignment}, kHostMemory{"host memory", 0};

void check_pointer(const Operand& operand, std::string_view decides, const Memory& memory) {
  if (!operand.is_present) {
    if (operand.data == nullptr || operand.role == Role::scratch) return;
    throw UsageError(fmt::format("{} is given, but {} does not take it", operand.name, decides), "pass null");
  }
  if (operand.data == nullptr)
    throw UsageError(fmt::format("{} is null", operand.name), fmt::format("pass {}", memory.name));
  const int alignment = memory.alignment > 0 ? memory.alignment : element_bytes(operand.type);
  if (reinterpret_cast<std::uintptr_t>(operand.data) % static_cast<unsigned>(alignment) != 0)
    throw UsageError(fmt::format("{} is misaligned", operand.name), fmt::format("align it to {} bytes", alignment));
}

void check_stride(const OperandExtents& extents, std::int64_t multiple) {
  if (extents.stride < extents.columns || extents.stride > kMaxExtent)
    throw UsageError(fmt::format("{} = {} is out of range", extents.stride_name, extents.stride),
                     fmt::format("a row has {} elements, a stride at most {}", extents.columns, kMaxExtent));
  require_multiple(extents.stride_name, extents.stride, multiple);
}

// Every stride of what a launch takes, then every pointer. `multiple`: of an operand's stride.
template <class Op, class Multiple>
void check_operands(std::span<const Operand> operands, const Memory& memory, const Multiple& multiple) {
  for (const Operand& operand : operands)
    if (operand.is_present && operand.extents.stride_name) check_stride(operand.extents, multiple(operand));
  for (const Operand& operand : operands) check_pointer(operand, Operands<Op>::kDecides, memory);
}

// What a launch leaves to its caller, since it lies on the device.
void check_indices(const Operand& operand) {
  if (!operand.is_present || operand.fill != Fill::index) return;
  const std::span indices(static_cast<const int*>(operand.data), static_cast<std::size_t>(operand.extents.columns));
  for (std::size_t i = 0; i < indices.size(); ++i)
    if (indices[i] < 0 || indices[i] >= operand.below)
      throw UsageError(fmt::format("{}[{}] = {} is out of range", operand.name, i, indices[i]),
                       fmt::format("give rows of the table, 0 to {}", operand.below - 1));
}

void require_apart(const MemoryFault& fault) {
  if (!fault.operand) return;
  if (fault.other)
    throw UsageError(fmt::format("{} and {} overlap", fault.operand, fault.other), "give each memory of its own");
  throw UsageError(fmt::format("{} would end behind the last address", fault.operand),
                   "check its pointer, its size and its stride");
}

// Every check of check_args, then what is to be done with the rows of the table, which is made once.
template <class Then>
void check(const KernelConfig& config, const Operation& operation, const Arguments& arguments,
           std::int64_t workspace_bytes, Then then) {
  std::visit(
      [&]<class Config>(const Config& c) {
        using Op = OpOf<Config>;
        const Op& op = op_of(c, operation);
        validate(op);
        const auto& args = std::get<ArgsOf<Op>>(arguments);
        check_sizes(c, op);
        check_arguments(op, args);
        const auto table = Operands<Op>::table(op, args, workspace_bytes);
        check_operands<Op>(std::span(table.rows, static_cast<std::size_t>(table.count)), kDeviceMemory,
                           [&](const Operand& operand) { return stride_multiple(c, op, operand); });
        then(table);
      },
      config);
}

}  // namespace

void refuse_multiple(const char* name, std::int64_t value, std::int64_t multiple) {
  throw UsageError(fmt::format("{} = {} is not a multiple of {}", name, value, multiple),
                   "pad the rows, or use a config that takes it, like one of mma_s8 with a smaller load");
}

Strides stride_multiples(const KernelConfig& config, const Operation& operation) {
  Strides multiples;
  const std::vector<Operand> operands = operands_of(operation, arguments_of(operation));
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (operands[i].extents.stride_name)
      multiples.of.at(i) =
          std::visit([&](const auto& c) { return stride_multiple(c, op_of(c, operation), operands[i]); }, config);
  return multiples;
}

void check_args(const KernelConfig& config, const Operation& operation, const Arguments& arguments,
                std::int64_t workspace_bytes) {
  check(config, operation, arguments, workspace_bytes, [](const auto&) {});
}

void check_launch(const KernelConfig& config, const Operation& operation, const Arguments& arguments,
                  std::int64_t workspace_bytes) {
  check(config, operation, arguments, workspace_bytes,
        [](const auto& table) { require_apart(find_memory_fault(table.rows, table.count)); });
}

void check_on_host(const Operation& operation, const Arguments& arguments) {
  visit_kind(operation, arguments, []<class Op>(const Op& op, const ArgsOf<Op>& args) {
    validate(op);
    check_arguments(op, args);
    const auto table = Operands<Op>::table(op, args, 0);
    const std::span operands(table.rows, static_cast<std::size_t>(table.count));
    check_operands<Op>(operands, kHostMemory, [](const Operand&) { return 1; });
    require_apart(find_memory_fault(table.rows, table.count));
    for (const Operand& operand : operands) check_indices(operand);
  });
}

}  // namespace ditune
