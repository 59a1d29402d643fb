// SPDX-License-Identifier: Apache-2.0
#include "models/models.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "embedded_files.hpp"
#include "models/csv.hpp"

namespace ditune {
namespace {

constexpr std::int64_t kMaxSide = 1 << 20;  // pixels

// One row of models.csv: a linear, or with n = 0 what goes on between two.
struct Linear {
  std::string model, name;
  std::int64_t n = 0, k = 0;
  Epilogue epilogue;
  std::optional<Prologue> producer;  // of its rows
  std::string tokens;                // "text+image|image"
  std::int64_t text_tokens = 0;
  int count = 0;
};

std::int64_t number(const CsvRow& row, const std::string& column) {
  const auto value = text::parse_number(row.fields.at(column), kMaxExtent);
  if (!value) throw csv_error("models.csv", row.line, fmt::format("{} is not a number", column), "use digits");
  return *value;
}

std::vector<Linear> read_table() {
  std::vector<Linear> table;
  const std::vector<std::string> columns = {"model",    "linear", "n",           "k",    "epilogue",
                                            "producer", "tokens", "text_tokens", "count"};
  read_csv(embedded_text(kEmbeddedFiles, "models.csv"), "models.csv", {.required = columns}, [&](const CsvRow& row) {
    const auto field = [&](const char* name) { return row.fields.at(name); };
    table.push_back(
        {.model = field("model"),
         .name = field("linear"),
         .n = number(row, "n"),
         .k = number(row, "k"),
         .epilogue = parse_epilogue(field("epilogue")),
         .producer = field("producer").empty() ? std::nullopt : std::optional(parse_prologue(field("producer"))),
         .tokens = field("tokens"),
         .text_tokens = number(row, "text_tokens"),
         .count = static_cast<int>(number(row, "count"))});
  });
  return table;
}

const std::vector<Linear>& table() {
  static const std::vector<Linear> linears = read_table();
  return linears;
}

// A token of `video32` stands for 32x32 pixels of 8 frames, one of `video` for 16x16 pixels of 4.
std::int64_t video32_tokens(const Resolution& resolution, std::int64_t frames) {
  if (resolution.width % 32 != 0 || resolution.height % 32 != 0)
    throw UsageError(fmt::format("{}x{} is no resolution of this model", resolution.width, resolution.height),
                     "its sides are multiples of 32: give --resolution, like 768x512");
  return (resolution.height / 32) * (resolution.width / 32) * ((frames + 7) / 8);
}

// Of one image or video.
std::int64_t tokens_of(std::string_view sequence, std::int64_t text_tokens, const ModelInput& input) {
  constexpr std::int64_t kFrames = 81;
  const std::int64_t image = (input.resolution.height / 16) * (input.resolution.width / 16);
  const std::int64_t frames = input.frames.value_or(kFrames), video = image * ((frames + 3) / 4);
  if (sequence == "one") return 1;
  if (sequence == "text") return text_tokens;
  if (sequence == "image") return image;
  if (sequence == "text+image") return text_tokens + image;
  if (sequence == "video") return video;
  if (sequence == "text+video") return text_tokens + video;
  if (sequence == "video32") return video32_tokens(input.resolution, frames);
  throw UsageError(fmt::format("models.csv: unknown tokens '{}'", sequence),
                   "use image, video, video32, text, text+image, text+video or one");
}

// What is given and changes nothing is a mistake.
void require_uses(std::string_view model, const ModelInput& input) {
  const auto uses = [&](std::string_view sequence) {
    return std::ranges::any_of(table(), [&](const Linear& linear) {
      return linear.model == model && linear.tokens.find(sequence) != std::string::npos;
    });
  };
  if (input.frames && !uses("video"))
    throw UsageError(fmt::format("{} makes images, not videos", model), "leave --frames out");
  if (input.text_tokens && !uses("text"))
    throw UsageError(fmt::format("no linear of {} in the table takes text tokens", model), "leave --text-tokens out");
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// What makes the rows of the layer's X.
Quantize producer_of(std::int64_t m, const Linear& row, const ModelInput& input) {
  Quantize quantize{.m = m, .k = row.k, .prologue = *row.producer};
  if (input.batch > 1 && has_table(quantize.prologue)) quantize.prologue.table = ModulationTable::image;
  validate(quantize);
  return quantize;
}

// Adds a layer, or counts it with the one that is the same problem already.
void add(std::vector<ModelLayer>& layers, const ModelLayer& layer) {
  const auto same = std::find_if(layers.begin(), layers.end(),
                                 [&](const ModelLayer& other) { return other.operation == layer.operation; });
  if (same == layers.end()) {
    layers.push_back(layer);
    return;
  }
  same->linear += "," + layer.linear;
  same->count += layer.count;
}

}  // namespace

Resolution parse_resolution(std::string_view text) {
  std::array<std::int64_t, 2> sides{};
  const auto legal = [](std::int64_t side) { return side >= 16 && side % 16 == 0; };
  if (text::are_extents_too_large(text, kMaxSide))
    throw UsageError(fmt::format("the resolution '{}' is too large", text),
                     fmt::format("give at most {} pixels a side", kMaxSide));
  if (!text::parse_extents(text, kMaxSide, sides) || !std::ranges::all_of(sides, legal))
    throw UsageError(fmt::format("'{}' is not a resolution", text),
                     "write WIDTHxHEIGHT in multiples of 16, like 1024x1024");
  return {.width = sides[0], .height = sides[1]};
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Linear& linear : table())
    if (names.empty() || names.back() != linear.model) names.push_back(linear.model);
  return names;
}

std::vector<std::string> linear_names(std::string_view model) {
  std::vector<std::string> names;
  for (const Linear& linear : table())
    if (linear.model == model) names.push_back(linear.name);
  if (names.empty())
    throw UsageError(fmt::format("unknown model '{}'", model),
                     fmt::format("known: {}", fmt::join(model_names(), ", ")));
  return names;
}

std::vector<ModelLayer> model_layers(std::string_view model, const ModelInput& input,
                                     const std::optional<std::string>& linear) {
  const std::vector<std::string> names = linear_names(model);
  if (linear && std::find(names.begin(), names.end(), *linear) == names.end())
    throw UsageError(fmt::format("model {} has no linear '{}'", model, *linear),
                     fmt::format("it has: {}", fmt::join(names, ", ")));
  require_uses(model, input);
  std::vector<ModelLayer> layers;
  for (const Linear& row : table()) {
    if (row.model != model || (linear && row.name != *linear)) continue;
    for (const std::string_view sequence : split(row.tokens, '|')) {
      const std::int64_t tokens = tokens_of(sequence, input.text_tokens.value_or(row.text_tokens), input);
      const std::int64_t m = input.batch * tokens;
      if (row.producer) add(layers, {.linear = row.name, .operation = producer_of(m, row, input), .count = row.count});
      if (row.n == 0) continue;
      Gemm gemm{.m = m, .n = row.n, .k = row.k, .epilogue = row.epilogue};
      if (input.batch > 1 && gemm.epilogue.gate == Gate::channel) gemm.epilogue.gate = Gate::table;
      validate(gemm);
      add(layers, {.linear = row.name, .operation = gemm, .count = row.count});
    }
  }
  return layers;
}

}  // namespace ditune
