// SPDX-License-Identifier: Apache-2.0
// What a kind of operation brings to generic code: specializations of Kind and of Operands, in core/KIND, which
// core/kinds.hpp includes. Generic code names no kind.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "ditune/operation.hpp"

namespace ditune {

// A size of an operation: M, 6144.
struct Size {
  std::string_view name;
  std::int64_t value = 0;
};

// What a speed is told in: operations a second, or bytes that are read and written.
enum class Rate { operations, bytes };

// template <> struct Kind<Op> {
//   static constexpr std::string_view kName;        // as in texts
//   static constexpr std::string_view kExample;     // a text, for messages: "m=6144,k=4608"
//   static std::string format(const Op&);           // "key=value,...": canonical order, defaults left out
//   static Op parse(std::string_view);              // throws UsageError
//   static std::vector<Size> sizes(const Op&);      // for tables and messages, in that order
//   static std::string fused(const Op&);            // the same: all else that it is asked for; empty: nothing can be
//   static std::string format_layer(const Op&);     // what format writes but for the rows
//   static Op parse_layer(std::string_view);        // of one row; throws UsageError
//   static std::weak_ordering compare_layers(const Op&, const Op&);  // how lists are sorted: whatever the rows
//   static std::int64_t rows(const Op&);            // what a lookup interpolates
//   static Op with_rows(Op, std::int64_t);
//   static constexpr std::int64_t kMaxRows;         // that validate takes
//   static double work(const Op&);                  // operations
//   static constexpr Rate kRate;
//   static double distance(const Op&, const Op&);   // how unlike two are: 0 of the same sizes
//   static std::uint64_t hash(const Op&) noexcept;
// };
// and validate(const Op&).
template <class Op>
struct Kind;

// What its kernels read and write.
//
// template <> struct Operands<Op> {
//   using Args = ...;                                             // what its kernels take, plain
//   static TABLE table(const Op&, const Args&, std::int64_t workspace_bytes);
//       // TABLE::rows: an array of Operand, of which TABLE::count are there
//   static Args packed(const Op&);                                // its sizes, rows without gaps, null pointers
//   static Op operation(const Op&, const Args&);                  // the same with the arguments' sizes
//   static constexpr std::string_view kDecides;                   // what says which operands there are
// };
template <class Op>
struct Operands;

std::vector<Size> sizes_of(const Operation& operation);
std::string describe_fused(const Operation& operation);
Rate rate_of(const Operation& operation);

// Infinite for operations of different kinds.
double distance(const Operation& a, const Operation& b);

// An operation without its rows, and without its kind: "n=13824,k=4608,bias=bf16".
std::string format_layer(const Operation& operation);

// Of one row: parse_layer(kind_name(o), format_layer(o)) == with_rows(o, 1). Throws UsageError as parse_operation.
Operation parse_layer(std::string_view kind, std::string_view layer);

// The most rows that an operation of its kind may have.
std::int64_t max_rows(const Operation& operation);

// By kind, then as the kind sorts its layers.
std::weak_ordering compare_layers(const Operation& a, const Operation& b);

// Calls visit.operator()<Op>() for each kind in turn.
template <class Visitor>
void for_each_kind(Visitor&& visit) {
  [&]<class... Op>(std::type_identity<std::variant<Op...>>) {
    (visit.template operator()<Op>(), ...);
  }(std::type_identity<Operation>{});
}

}  // namespace ditune
