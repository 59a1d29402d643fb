// SPDX-License-Identifier: Apache-2.0
#include "ditune/epilogue.hpp"

#include <fmt/format.h>

#include <array>

#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

using Words = std::string_view;

// In the order of the enums' values.
constexpr std::array kScaleX{Words("token"), Words("tensor")};
constexpr std::array kScaleW{Words("channel"), Words("tensor")};
constexpr std::array kBias{Words("none"), Words("f32"), Words("bf16"), Words("f16")};
constexpr std::array kOp{Words("none")};
constexpr std::array kOut{Words("bf16"), Words("f16"), Words("f32"), Words("s32")};
constexpr std::array kKeys{Words("sx"), Words("sw"), Words("bias"), Words("op"), Words("out")};

void set(Epilogue& epilogue, const text::KeyValue& pair) {
  if (pair.key == "sx") epilogue.sx = text::parse_enum<ScaleX>(pair, kScaleX);
  if (pair.key == "sw") epilogue.sw = text::parse_enum<ScaleW>(pair, kScaleW);
  if (pair.key == "bias") epilogue.bias = text::parse_enum<Bias>(pair, kBias);
  if (pair.key == "op") epilogue.op = text::parse_enum<EpilogueOp>(pair, kOp);
  if (pair.key == "out") epilogue.out = text::parse_enum<Output>(pair, kOut);
}

void add(std::string& text, std::string_view key, std::string_view value) {
  text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
}

}  // namespace

std::string_view word(ScaleX sx) { return text::word(sx, kScaleX); }
std::string_view word(ScaleW sw) { return text::word(sw, kScaleW); }
std::string_view word(Bias bias) { return text::word(bias, kBias); }
std::string_view word(EpilogueOp op) { return text::word(op, kOp); }
std::string_view word(Output out) { return text::word(out, kOut); }

std::string format(const Epilogue& epilogue) {
  constexpr Epilogue kDefault;
  std::string text;
  if (epilogue.sx != kDefault.sx) add(text, "sx", word(epilogue.sx));
  if (epilogue.sw != kDefault.sw) add(text, "sw", word(epilogue.sw));
  if (epilogue.bias != kDefault.bias) add(text, "bias", word(epilogue.bias));
  if (epilogue.op != kDefault.op) add(text, "op", word(epilogue.op));
  if (epilogue.out != kDefault.out) add(text, "out", word(epilogue.out));
  return text.empty() ? "default" : text;
}

Epilogue parse_epilogue(std::string_view text) {
  Epilogue epilogue;
  if (text == "default") return epilogue;
  if (text.empty()) throw UsageError("the epilogue is empty", "write default, or key=value pairs such as bias=bf16");
  bool scaled = false;
  for (const text::KeyValue& pair : text::parse_key_values(text, "epilogue", kKeys)) {
    set(epilogue, pair);
    scaled |= pair.key == "sx" || pair.key == "sw";
  }
  if (epilogue.out == Output::s32 && (scaled || epilogue.bias != Bias::none || epilogue.op != EpilogueOp::none))
    throw UsageError("out=s32 is the accumulator itself", "leave out sx, sw, bias and op, or choose another out");
  return epilogue;
}

std::vector<Epilogue> all_epilogues() {
  std::vector<Epilogue> epilogues = {{.out = Output::s32}};
  for (const ScaleX sx : {ScaleX::token, ScaleX::tensor})
    for (const ScaleW sw : {ScaleW::channel, ScaleW::tensor})
      for (const Bias bias : {Bias::none, Bias::f32, Bias::bf16, Bias::f16})
        for (const Output out : {Output::bf16, Output::f16, Output::f32})
          epilogues.push_back({.sx = sx, .sw = sw, .bias = bias, .out = out});
  return epilogues;
}

}  // namespace ditune
