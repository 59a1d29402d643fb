// SPDX-License-Identifier: Apache-2.0
// What is asked of a GPU: plain values, a struct for each kind of operation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "ditune/gemm.hpp"
#include "ditune/quantize.hpp"

namespace ditune {

// The registration line of the kinds. What each brings: its struct in include/ditune, what core/kind.hpp and the
// other folders ask of it, its families (docs/hacking.md).
using Operation = std::variant<Gemm, Quantize>;

// "KIND:key=value,...", keys in one canonical order, defaults left out: "gemm_s8:m=6144,n=13824,k=4608,bias=bf16".
// parse_operation(format(o)) == o. It throws UsageError on an unknown kind, key or value, a repeated or missing key and
// on an operation that validate refuses.
std::string format(const Operation& operation);
Operation parse_operation(std::string_view text);

// Throws UsageError for extents that no kernel takes.
void validate(const Operation& operation);

// "gemm_s8"
std::string_view kind_name(const Operation& operation);

// For tables and messages: its sizes, "6144x13824x4608", and with what is fused, "6144x13824x4608 bias=bf16".
std::string describe_sizes(const Operation& operation);
std::string describe(const Operation& operation);

// The extent that a lookup interpolates, M: winners of the same layer and another number of rows are its neighbours.
std::int64_t rows(const Operation& operation);
Operation with_rows(Operation operation, std::int64_t rows);

// Multiply-adds count as two operations.
double work(const Operation& operation);

// 10^12 operations a second.
double tops(const Operation& operation, double microseconds);

// What an operation costs on a card that draws `power_w` watts meanwhile.
double picojoules_an_operation(const Operation& operation, double microseconds, double power_w);

std::size_t hash_of(const Operation& operation) noexcept;
struct HashOperation {
  std::size_t operator()(const Operation& operation) const noexcept { return hash_of(operation); }
};

}  // namespace ditune
