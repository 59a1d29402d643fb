// SPDX-License-Identifier: Apache-2.0
#include "core/operands.hpp"

#include <cstring>
#include <type_traits>

namespace ditune {
namespace {

template <class T>
void write(Arguments& arguments, std::size_t offset, T value) {
  std::visit([&](auto& args) { std::memcpy(reinterpret_cast<std::byte*>(&args) + offset, &value, sizeof value); },
             arguments);
}

}  // namespace

Strides packed_strides(const Operation& operation) {
  Strides strides;
  const std::vector<Operand> operands = operands_of(operation, arguments_of(operation));
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (operands[i].extents.stride_name) strides.of.at(i) = operands[i].extents.columns;
  return strides;
}

Arguments arguments_of(const Operation& operation) {
  return std::visit([]<class Op>(const Op& op) -> Arguments { return Operands<Op>::packed(op); }, operation);
}

Arguments arguments_of(const Operation& operation, const Strides& strides) {
  Arguments arguments = arguments_of(operation);
  const std::vector<Operand> operands = operands_of(operation, arguments);
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (operands[i].extents.stride_name) set_stride(arguments, operands[i], strides.of.at(i));
  return arguments;
}

bool has_sizes_of(const Operation& operation, const Arguments& arguments) {
  return visit_kind(operation, arguments, []<class Op>(const Op& op, const ArgsOf<Op>& args) {
    return Operands<Op>::operation(op, args) == op;
  });
}

Operation with_sizes_of(const Operation& operation, const Arguments& arguments) {
  return visit_kind(operation, arguments, []<class Op>(const Op& op, const ArgsOf<Op>& args) -> Operation {
    return Operands<Op>::operation(op, args);
  });
}

std::vector<Operand> operands_of(const Operation& operation, const Arguments& arguments, std::int64_t workspace_bytes) {
  return visit_kind(operation, arguments, [&]<class Op>(const Op& op, const ArgsOf<Op>& args) {
    const auto table = Operands<Op>::table(op, args, workspace_bytes);
    static_assert(std::extent_v<decltype(table.rows)> <= kMostOperands);
    return std::vector<Operand>(table.rows, table.rows + table.count);
  });
}

std::vector<Operand> operands_of(const Operation& operation, const Strides& strides) {
  return operands_of(operation, arguments_of(operation, strides));
}

void set_pointer(Arguments& arguments, const Operand& operand, const void* data) {
  write(arguments, operand.at.data, data);
}

void set_stride(Arguments& arguments, const Operand& operand, std::int64_t stride) {
  write(arguments, operand.at.stride, static_cast<long long>(stride));
}

void set_workspace(Arguments& arguments, const Operation& operation, void* workspace) {
  for (const Operand& operand : operands_of(operation, arguments))
    if (operand.role == Role::scratch) set_pointer(arguments, operand, workspace);
}

std::size_t operand_bytes(const Operation& operation, const Strides& strides) {
  std::size_t bytes = 0;
  for (const Operand& operand : operands_of(operation, strides)) bytes += operand.bytes();
  return bytes;
}

}  // namespace ditune
