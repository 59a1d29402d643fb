// SPDX-License-Identifier: Apache-2.0
// The text of a prologue: refused, or the same after being printed and read again, and in an operation of any K that it
// divides.
#include "ditune/operation.hpp"
#include "fuzz.hpp"

using namespace ditune;

namespace {

void check_operation(const Quantize& quantize) {
  const auto legal = fuzz::accepted([&] {
    validate(quantize);
    return true;
  });
  const auto read = fuzz::accepted([&] { return parse_operation(format(Operation(quantize))); });
  fuzz::require(legal.has_value() == read.has_value(), "an operation is refused in text where it is in a struct");
  fuzz::require(!read || *read == Operation(quantize), "an operation is the same when it is read again");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto prologue = fuzz::accepted([&] { return parse_prologue(fuzz::text_of(data, size)); });
  if (!prologue) return 0;
  const std::string canonical = format(*prologue);
  fuzz::require(parse_prologue(canonical) == *prologue, "a prologue is the same when it is read again");
  const bool has_own_columns = is_swiglu(*prologue) || prologue->split > 0;
  fuzz::require(!has_own_columns || (!has_table(*prologue) && prologue->norm == Norm::none),
                "columns of X that are not those of the output are activated and stored alone");
  for (const std::int64_t k : {1, 48, 4608, 131071}) check_operation({.m = 17, .k = k, .prologue = *prologue});
  return 0;
}
