// SPDX-License-Identifier: Apache-2.0
// The operands of any operation: rows of its kind's table, and the kernels' arguments that they are pointers of.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/kinds.hpp"
#include "ditune/operation.hpp"
#include "operand.cuh"

namespace ditune {

template <class Op>
using ArgsOf = typename Operands<Op>::Args;

namespace detail {

template <class>
struct ArgumentsOf;
template <class... Op>
struct ArgumentsOf<std::variant<Op...>> {
  using Type = std::variant<ArgsOf<Op>...>;
};

}  // namespace detail

// The arguments of an operation's kernels.
using Arguments = detail::ArgumentsOf<Operation>::Type;

// Calls visit(op, args); both must be of one kind.
template <class Visitor>
decltype(auto) visit_kind(const Operation& operation, const Arguments& arguments, Visitor&& visit) {
  return std::visit([&]<class Op>(const Op& op) { return visit(op, std::get<ArgsOf<Op>>(arguments)); }, operation);
}

inline constexpr std::size_t kMostOperands = 16;  // of a kind

// Of each row of the table, in elements; 0 where it has none.
struct Strides {
  std::array<std::int64_t, kMostOperands> of{};
  auto operator<=>(const Strides&) const = default;
};

// Rows right behind one another, as models store them.
Strides packed_strides(const Operation& operation);

// With null pointers.
Arguments arguments_of(const Operation& operation);
Arguments arguments_of(const Operation& operation, const Strides& strides);

bool has_sizes_of(const Operation& operation, const Arguments& arguments);

// The same operation with the sizes of these arguments.
Operation with_sizes_of(const Operation& operation, const Arguments& arguments);

// The whole table.
std::vector<Operand> operands_of(const Operation& operation, const Arguments& arguments,
                                 std::int64_t workspace_bytes = 0);
std::vector<Operand> operands_of(const Operation& operation, const Strides& strides);

// Of each output in the table's order its bytes, rows without gaps.
using Outputs = std::vector<std::vector<std::byte>>;

void set_pointer(Arguments& arguments, const Operand& operand, const void* data);
void set_stride(Arguments& arguments, const Operand& operand, std::int64_t stride);
// Of the one operand that is scratch.
void set_workspace(Arguments& arguments, const Operation& operation, void* workspace);

// Bytes that one launch reads and writes.
std::size_t operand_bytes(const Operation& operation, const Strides& strides);

}  // namespace ditune
