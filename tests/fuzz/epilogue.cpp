// SPDX-License-Identifier: Apache-2.0
// The text of an epilogue: refused, or the same after being printed and read again.
#include "ditune/epilogue.hpp"

#include "fuzz.hpp"

using namespace ditune;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto epilogue = fuzz::accepted([&] { return parse_epilogue(fuzz::text_of(data, size)); });
  if (!epilogue) return 0;
  const std::string canonical = format(*epilogue);
  fuzz::require(parse_epilogue(canonical) == *epilogue, "an epilogue is the same when it is read again");
  fuzz::require(epilogue->out != Output::s32 || *epilogue == Epilogue{.out = Output::s32}, "s32 is the accumulator");
  return 0;
}
