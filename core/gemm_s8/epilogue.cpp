// SPDX-License-Identifier: Apache-2.0
#include "ditune/epilogue.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "core/gemm_s8/epilogue_fields.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

// What is wrong, and what to do.
struct Objection {
  std::string what, remedy;
};

Objection beside_s32() {
  return {"out=s32 is the accumulator itself",
          "leave out sx, sw, bias, op, from, residual and gate, or choose another out"};
}

[[noreturn]] void refuse(const Objection& objection) { throw UsageError(objection.what, objection.remedy); }

std::optional<Objection> objection_to(const Epilogue& e) {
  const bool is_added = e.residual != Residual::none;
  if (e.out == Output::s32 && !(e == Epilogue{.out = Output::s32})) return beside_s32();
  if (e.from < 0) return Objection{fmt::format("from = {} is below 0", e.from), "give the first column of the op"};
  if (e.from > 0 && (e.op == EpilogueOp::none || e.op == EpilogueOp::swiglu))
    return Objection{fmt::format("from={} with op={}", e.from, word(e.op)),
                     "it is for an op of single columns, like gelu_tanh"};
  if (is_added && e.op == EpilogueOp::swiglu)
    return Objection{"a residual behind swiglu", "leave out one of them: no block of a model has both"};
  if (!is_added && e.gate != Gate::none)
    return Objection{fmt::format("gate={} without a residual", word(e.gate)), "give the residual's type, or no gate"};
  return std::nullopt;
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
  if (epilogue.out == Output::s32 && scaled) refuse(beside_s32());
  validate(epilogue);
  return epilogue;
}

void validate(const Epilogue& epilogue) {
  if (const auto objection = objection_to(epilogue)) refuse(*objection);
}

std::vector<Epilogue> all_epilogues() {
  std::vector<Epilogue> epilogues;
  const auto add = [&](const Epilogue& epilogue) {
    if (!objection_to(epilogue)) epilogues.push_back(epilogue);
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
