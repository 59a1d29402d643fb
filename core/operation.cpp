// SPDX-License-Identifier: Apache-2.0
#include "ditune/operation.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <vector>

#include "core/kinds.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

std::string kind_names() {
  std::vector<std::string_view> names;
  for_each_kind([&]<class Op>() { names.push_back(Kind<Op>::kName); });
  return text::join(names);
}

std::string example() {
  using First = std::variant_alternative_t<0, Operation>;
  return fmt::format("{}:{}", Kind<First>::kName, Kind<First>::kExample);
}

// What `parse` makes of an operation whose kind has this name.
template <class Parse>
Operation parse_as(std::string_view kind, const Parse& parse) {
  std::optional<Operation> operation;
  for_each_kind([&]<class Op>() {
    if (kind == Kind<Op>::kName) operation = parse.template operator()<Op>();
  });
  if (!operation) throw UsageError(fmt::format("unknown kind of operation '{}'", kind), "use " + kind_names());
  return *operation;
}

}  // namespace

std::string format(const Operation& operation) {
  return std::visit([]<class Op>(const Op& op) { return fmt::format("{}:{}", Kind<Op>::kName, Kind<Op>::format(op)); },
                    operation);
}

Operation parse_operation(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    throw UsageError(fmt::format("'{}' is not an operation", text), "write KIND:key=value,..., like " + example());
  const Operation operation =
      parse_as(text.substr(0, colon), [&]<class Op>() { return Kind<Op>::parse(text.substr(colon + 1)); });
  validate(operation);
  return operation;
}

std::string format_layer(const Operation& operation) {
  return std::visit([]<class Op>(const Op& op) { return Kind<Op>::format_layer(op); }, operation);
}

Operation parse_layer(std::string_view kind, std::string_view layer) {
  const Operation operation = parse_as(kind, [&]<class Op>() { return Kind<Op>::parse_layer(layer); });
  validate(operation);
  return operation;
}

std::weak_ordering compare_layers(const Operation& a, const Operation& b) {
  if (a.index() != b.index()) return a.index() <=> b.index();
  return std::visit([&]<class Op>(const Op& op) { return Kind<Op>::compare_layers(op, std::get<Op>(b)); }, a);
}

void validate(const Operation& operation) {
  std::visit([](const auto& op) { validate(op); }, operation);
}

std::string_view kind_name(const Operation& operation) {
  return std::visit([]<class Op>(const Op&) { return Kind<Op>::kName; }, operation);
}

std::string describe_sizes(const Operation& operation) {
  std::string text;
  for (const Size& size : sizes_of(operation)) text += (text.empty() ? "" : "x") + std::to_string(size.value);
  return text;
}

std::vector<Size> sizes_of(const Operation& operation) {
  return std::visit([]<class Op>(const Op& op) { return Kind<Op>::sizes(op); }, operation);
}

std::string describe_fused(const Operation& operation) {
  return std::visit([]<class Op>(const Op& op) { return Kind<Op>::fused(op); }, operation);
}

std::string describe(const Operation& operation) {
  const std::string rest = describe_fused(operation);
  return describe_sizes(operation) + (rest.empty() ? "" : " " + rest);
}

std::int64_t rows(const Operation& operation) {
  return std::visit([]<class Op>(const Op& op) { return Kind<Op>::rows(op); }, operation);
}

std::int64_t max_rows(const Operation& operation) {
  return std::visit([]<class Op>(const Op&) { return Kind<Op>::kMaxRows; }, operation);
}

Operation with_rows(Operation operation, std::int64_t rows) {
  return std::visit([rows]<class Op>(const Op& op) -> Operation { return Kind<Op>::with_rows(op, rows); }, operation);
}

double work(const Operation& operation) {
  return std::visit([]<class Op>(const Op& op) { return Kind<Op>::work(op); }, operation);
}

Rate rate_of(const Operation& operation) {
  return std::visit([]<class Op>(const Op&) { return Kind<Op>::kRate; }, operation);
}

double tops(const Operation& operation, double microseconds) { return work(operation) / microseconds * 1e-6; }

double picojoules_an_operation(const Operation& operation, double microseconds, double power_w) {
  return power_w / tops(operation, microseconds);  // 1 W is 1 pJ * 10^12/s
}

double distance(const Operation& a, const Operation& b) {
  return std::visit(
      [&]<class Op>(const Op& op) {
        const Op* other = std::get_if<Op>(&b);
        return other ? Kind<Op>::distance(op, *other) : std::numeric_limits<double>::infinity();
      },
      a);
}

std::size_t hash_of(const Operation& operation) noexcept {
  std::size_t hash = operation.index();
  for_each_kind([&]<class Op>() {
    if (const Op* op = std::get_if<Op>(&operation)) hash = Kind<Op>::hash(*op);
  });
  return hash;
}

}  // namespace ditune
