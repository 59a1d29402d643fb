// SPDX-License-Identifier: Apache-2.0
#include "ditune/epilogue.hpp"

#include "core/epilogue_fields.hpp"
#include "ditune/error.hpp"

namespace ditune {

std::string_view word(ScaleX sx) { return enumerator(sx); }
std::string_view word(ScaleW sw) { return enumerator(sw); }
std::string_view word(Bias bias) { return enumerator(bias); }
std::string_view word(EpilogueOp op) { return enumerator(op); }
std::string_view word(Output out) { return enumerator(out); }

std::string format(const Epilogue& epilogue) {
  const std::string text = format_fields(field_values(epilogue));
  return text.empty() ? "default" : text;
}

Epilogue parse_epilogue(std::string_view text) {
  if (text == "default") return {};
  if (text.empty()) throw UsageError("the epilogue is empty", "write default, or key=value pairs such as bias=bf16");
  FieldValues values = field_values(Epilogue{});
  bool scaled = false;
  for (const text::KeyValue& pair : parse_fields(text, "epilogue", values))
    scaled |= pair.key == "sx" || pair.key == "sw";
  const auto epilogue = from_numbers<Epilogue>(values.numbers);
  if (epilogue.out == Output::s32 && (scaled || epilogue.bias != Bias::none || epilogue.op != EpilogueOp::none))
    throw UsageError("out=s32 is the accumulator itself", "leave out sx, sw, bias and op, or choose another out");
  return epilogue;
}

std::vector<Epilogue> all_epilogues() {
  std::vector<Epilogue> epilogues = {{.out = Output::s32}};
  for (std::uint64_t i = 0; i < kCombinations<Epilogue>; ++i)
    if (const auto epilogue = from_index<Epilogue>(i); epilogue.out != Output::s32) epilogues.push_back(epilogue);
  return epilogues;
}

}  // namespace ditune
