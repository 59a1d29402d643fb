// SPDX-License-Identifier: Apache-2.0
#include "ditune/epilogue.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "core/gemm_s8/epilogue_fields.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

[[noreturn]] void refuse_beside_s32() {
  throw UsageError("out=s32 is the accumulator itself",
                   "leave out sx, sw, bias, op, from, residual and gate, or choose another out");
}

// All values of an enum.
template <class Enum>
constexpr auto kValues = [] {
  std::array<Enum, kEnumerators<Enum>.size()> values{};
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Enum>(i);
  return values;
}();

}  // namespace

std::string_view word(ScaleX sx) { return enumerator(sx); }
std::string_view word(ScaleW sw) { return enumerator(sw); }
std::string_view word(Bias bias) { return enumerator(bias); }
std::string_view word(EpilogueOp op) { return enumerator(op); }
std::string_view word(Residual residual) { return enumerator(residual); }
std::string_view word(Gate gate) { return enumerator(gate); }
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
  if (epilogue.out == Output::s32 && scaled) refuse_beside_s32();
  validate(epilogue);
  return epilogue;
}

void validate(const Epilogue& e) {
  if (e.out == Output::s32 && !(e == Epilogue{.out = Output::s32})) refuse_beside_s32();
  if (e.from < 0) throw UsageError(fmt::format("from = {} is below 0", e.from), "give the first column of the op");
  if (e.from > 0 && (e.op == EpilogueOp::none || e.op == EpilogueOp::swiglu))
    throw UsageError(fmt::format("from={} with op={}", e.from, word(e.op)),
                     "it is for an op of single columns, like gelu_tanh");
  if (e.residual != Residual::none && e.op == EpilogueOp::swiglu)
    throw UsageError("a residual behind swiglu", "leave out one of them: no block of a model has both");
  if (e.residual == Residual::none && e.gate != Gate::none)
    throw UsageError(fmt::format("gate={} without a residual", word(e.gate)), "give the residual's type, or no gate");
}

std::vector<Epilogue> all_epilogues() {
  std::vector<Epilogue> epilogues = {{.out = Output::s32}};
  const auto add = [&](const Epilogue& e) {
    const bool is_plain_s32 = e.out == Output::s32;
    const bool is_gated_alone = e.gate != Gate::none && e.residual == Residual::none;
    const bool is_added_to_swiglu = e.residual != Residual::none && e.op == EpilogueOp::swiglu;
    if (!is_plain_s32 && !is_gated_alone && !is_added_to_swiglu) epilogues.push_back(e);
  };
  for (const ScaleX sx : kValues<ScaleX>)
    for (const ScaleW sw : kValues<ScaleW>)
      for (const Bias bias : kValues<Bias>)
        for (const EpilogueOp op : kValues<EpilogueOp>)
          for (const Residual residual : kValues<Residual>)
            for (const Gate gate : kValues<Gate>)
              for (const Output out : kValues<Output>)
                add({.sx = sx, .sw = sw, .bias = bias, .op = op, .residual = residual, .gate = gate, .out = out});
  return epilogues;
}

}  // namespace ditune
