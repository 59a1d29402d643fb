#include "models/models.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "embedded_files.hpp"
#include "include/src/text.hpp"
#include "models/csv.hpp"

namespace ditune {
namespace {

constexpr std::int64_t kMaxSide = 1 << 20;  // pixels

// One row of models.csv.
struct Linear {
  std::string model, name;
  std::int64_t n = 0, k = 0;
  Epilogue epilogue;
  std::string tokens;  // "text+image|image"
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
  const std::vector<std::string> columns = {"model", "linear", "n", "k", "bias", "tokens", "text_tokens", "count"};
  read_csv(embedded_text(kEmbeddedFiles, "models.csv"), "models.csv", columns, [&](const CsvRow& row) {
    const auto field = [&](const char* name) { return row.fields.at(name); };
    table.push_back({.model = field("model"),
                     .name = field("linear"),
                     .n = number(row, "n"),
                     .k = number(row, "k"),
                     .epilogue = parse_epilogue("bias=" + field("bias")),
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

std::int64_t tokens_of(std::string_view sequence, std::int64_t text_tokens, const Resolution& resolution) {
  const std::int64_t image = (resolution.height / 16) * (resolution.width / 16);
  if (sequence == "one") return 1;
  if (sequence == "text") return text_tokens;
  if (sequence == "image") return image;
  if (sequence == "text+image") return text_tokens + image;
  if (sequence == "video") return image * ((resolution.frames + 3) / 4);
  throw UsageError(fmt::format("models.csv: unknown tokens '{}'", sequence),
                   "use image, video, text, text+image or one");
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

// Adds a layer, or counts it with the one that is the same problem already.
void add(std::vector<ModelLayer>& layers, const ModelLayer& layer) {
  const auto same = std::find_if(layers.begin(), layers.end(), [&](const ModelLayer& other) {
    return other.problem == layer.problem && other.epilogue == layer.epilogue;
  });
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

std::vector<ModelLayer> model_layers(std::string_view model, const Resolution& resolution,
                                     const std::optional<std::string>& linear) {
  const std::vector<std::string> names = linear_names(model);
  if (linear && std::find(names.begin(), names.end(), *linear) == names.end())
    throw UsageError(fmt::format("model {} has no linear '{}'", model, *linear),
                     fmt::format("it has: {}", fmt::join(names, ", ")));
  std::vector<ModelLayer> layers;
  for (const Linear& row : table()) {
    if (row.model != model || (linear && row.name != *linear)) continue;
    for (const std::string_view sequence : split(row.tokens, '|')) {
      const GemmProblem problem{tokens_of(sequence, row.text_tokens, resolution), row.n, row.k};
      validate(problem);
      add(layers, {.linear = row.name, .problem = problem, .epilogue = row.epilogue, .count = row.count});
    }
  }
  return layers;
}

}  // namespace ditune
