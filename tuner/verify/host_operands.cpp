// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_operands.hpp"

#include <random>

#include "tuner/verify/host_fills.hpp"

namespace ditune {
namespace {

emulation::Use use_of(Role role) {
  switch (role) {
    case Role::output:
      return emulation::Use::output;
    case Role::scratch:
      return emulation::Use::scratch;
    default:
      return emulation::Use::input;
  }
}

}  // namespace

RowShape shape_of(const Operand& operand) {
  return {.rows = operand.rows(), .bytes = operand.row_bytes(), .pitch = operand.pitch()};
}

emulation::Region region_of(const Operand& operand, const HostRows& rows) {
  return {.name = operand.name,
          .data = rows.data(),
          .row_bytes = rows.shape().bytes,
          .rows = rows.shape().rows,
          .pitch = rows.shape().pitch,
          .use = use_of(operand.role)};
}

HostOperands::HostOperands(const Operation& operation, const Strides& strides, const Contents& contents)
    : arguments_(arguments_of(operation, strides)) {
  std::mt19937_64 random(contents.seed);
  for (const Operand& operand : operands_of(operation, arguments_)) {
    if (operand.role != Role::input || !operand.is_present) continue;
    const HostRows& rows = inputs_.emplace_back(operand, HostRows(shape_of(operand))).second;
    fill(rows, operand, contents.values, random);
    set_pointer(arguments_, operand, rows.data());
  }
}

std::vector<emulation::Region> HostOperands::regions() const {
  std::vector<emulation::Region> regions;
  for (const auto& [operand, rows] : inputs_) regions.push_back(region_of(operand, rows));
  return regions;
}

}  // namespace ditune
