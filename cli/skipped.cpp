// SPDX-License-Identifier: Apache-2.0
#include "cli/skipped.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>

#include "core/kinds.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

// A GEMM as it is stored: any numbers, any text.
struct StoredGemm {
  std::int64_t m = 0, n = 0, k = 0;
  std::string epilogue;
};

// Takes "KEY=NUMBER" from the front of `text`.
bool take_number(std::string_view& text, std::string_view key, std::int64_t& number) {
  if (!text.starts_with(key)) return false;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + key.size(), end, number);
  text = {rest, end};
  return error == std::errc() && (text.empty() || text.front() == ',');
}

// Zeros and no epilogue where that cannot be told, nothing for a row of another kind.
std::optional<StoredGemm> stored_gemm(const SkippedRow& row) {
  if (!row.kind.empty() && row.kind != Kind<Gemm>::kName) return std::nullopt;
  StoredGemm gemm;
  gemm.m = row.rows;
  std::string_view text = row.layer;
  if (take_number(text, "n=", gemm.n) && take_number(text, ",k=", gemm.k))
    gemm.epilogue = text.empty() ? format(Epilogue{}) : text.substr(1);
  return gemm;
}

// What tells the layer of a row where its epilogue may be wrong.
Operation without_epilogue(Operation operation) {
  if (Gemm* const gemm = std::get_if<Gemm>(&operation)) gemm->epilogue = {};
  return operation;
}

std::optional<Operation> operation_of(const SkippedRow& row) {
  try {
    Operation operation;
    if (const auto gemm = stored_gemm(row))
      operation = Gemm{.m = gemm->m, .n = gemm->n, .k = gemm->k};
    else
      operation = with_rows(parse_layer(row.kind, row.layer), row.rows);
    validate(operation);
    return operation;
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<SkippedRow> of_layers(const std::vector<SkippedRow>& rows, const std::vector<Operation>& layers) {
  OperationSet wanted;
  for (const Operation& layer : layers) wanted.insert(without_epilogue(layer));
  std::vector<SkippedRow> kept;
  std::ranges::copy_if(rows, std::back_inserter(kept), [&](const SkippedRow& row) {
    const std::optional<Operation> operation = operation_of(row);
    return wanted.empty() || !operation || wanted.contains(*operation);
  });
  return kept;
}

Json skipped_json(const SkippedRow& row) {
  Json json = {{"table", row.table}, {"id", row.id}};
  if (const auto gemm = stored_gemm(row))
    json.update({{"m", gemm->m}, {"n", gemm->n}, {"k", gemm->k}, {"epilogue", gemm->epilogue}});
  json.update(
      {{"kind", row.kind}, {"layer", row.layer}, {"rows", row.rows}, {"device", row.device}, {"reason", row.reason}});
  return json;
}

Table skipped_table(const std::vector<SkippedRow>& rows) {
  Table table({{"TABLE"}, {"ID", Align::right}, {"PROBLEM"}, {"FUSED"}, {"DEVICE"}, {"SKIPPED BECAUSE"}});
  for (const SkippedRow& row : rows) {
    const auto gemm = stored_gemm(row);
    table.add({row.table, std::to_string(row.id),
               gemm ? fmt::format("{}x{}x{}", gemm->m, gemm->n, gemm->k)
                    : fmt::format("{}:{} of {}", row.kind, row.layer, text::counted(row.rows, "row")),
               gemm ? gemm->epilogue : "", row.device, row.reason});
  }
  return table;
}

}  // namespace ditune::cli
