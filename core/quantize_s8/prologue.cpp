// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "core/quantize_s8/prologue_fields.hpp"
#include "ditune/error.hpp"

namespace ditune {

std::string format(const Prologue& prologue) {
  const std::string text = format_fields(field_values(prologue));
  return text.empty() ? "default" : text;
}

Prologue parse_prologue(std::string_view text) {
  if (text == "default") return {};
  if (text.empty()) throw UsageError("the prologue is empty", "write default, or key=value pairs such as norm=rms");
  const auto prologue = parse_fields<Prologue>(text, "prologue");
  validate(prologue);
  return prologue;
}

namespace {

void validate_heads(const Prologue& p) {
  if (!std::ranges::count(Fields<Prologue>::kHeads, p.head))
    throw UsageError(fmt::format("head = {} is no size of a head", p.head),
                     "give 16, 32, 64, 128 or 256, or leave it out");
  if (has_heads(p) && p.head == 0)
    throw UsageError(fmt::format("{} without its heads", p.rope != Rope::none ? "a rope" : "norm=rms_head"),
                     "give the columns of a head, such as head=128");
  if (p.head != 0 && !has_heads(p))
    throw UsageError("heads that nothing asks for", "give norm=rms_head or a rope, or leave head out");
  if (p.head != 0 && p.rotate != 1)
    throw UsageError("heads with a rotation", "leave out one of them: no block of a model has both");
}

}  // namespace

void validate(const Prologue& p) {
  if (!std::ranges::count(Fields<Prologue>::kGroups, p.rotate))
    throw UsageError(fmt::format("rotate = {} is no Hadamard group", p.rotate), "give 16, 64 or 256, or 1 for none");
  const bool has_own_columns = is_swiglu(p) || p.split > 0;  // of X, which are not those of the output
  const auto with = [&](std::string_view what) {
    return fmt::format("{} with {}", what, p.split > 0 ? fmt::format("split={}", p.split) : "swiglu");
  };
  if (has_own_columns && p.residual != Branch::none)
    throw UsageError(with("a residual"), "leave out one of them: no block of a model has both");
  if (has_own_columns && p.norm != Norm::none)
    throw UsageError(with("a norm"), "leave out one of them: no block of a model has both");
  if (has_own_columns && p.modulate != Modulation::none)
    throw UsageError(with("a modulation"), "leave out one of them: no block of a model has both");
  if (has_own_columns && p.rope != Rope::none)
    throw UsageError(with("a rope"), "leave out one of them: no block of a model has both");
  if (p.norm == Norm::none && (p.weight != NormWeight::none || p.bias != NormBias::none))
    throw UsageError("a weight or a bias without a norm", "give norm=rms or norm=layer, or leave them out");
  if (p.bias != NormBias::none && p.weight == NormWeight::none)
    throw UsageError("a bias of a norm without its weight", "give weight=plain, or leave the bias out");
  if (p.table != ModulationTable::all && !has_table(p))
    throw UsageError("a table without anything that has rows in it",
                     "give residual=gate or a modulation, or table=all");
  if (p.scale == QuantizedScale::tensor && p.out != QuantizedType::s8)
    throw UsageError("a given scale without int8", "leave out scale, or give out=s8");
  validate_heads(p);
  if (p.split < 0) throw UsageError(fmt::format("split = {} is below 0", p.split), "give the second buffer's column");
}

}  // namespace ditune
