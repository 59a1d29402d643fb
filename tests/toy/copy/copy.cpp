// SPDX-License-Identifier: Apache-2.0
#include "copy/copy.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "copy/copy_kind.hpp"
#include "copy/copy_rows.hpp"
#include "copy/copy_verification.hpp"
#include "ditune/error.hpp"

namespace ditune {

void validate(const Copy& copy) {
  if (copy.m < 1 || copy.k < 1 || copy.m > Kind<Copy>::kMaxRows || copy.k > kMaxExtent)
    throw UsageError("M or K is out of range", "give 1 to 1000000 rows of 1 to 2147483647");
}

std::string Kind<Copy>::format_layer(const Copy& copy) {
  const std::string text = format(with_rows(copy, 1));
  return text.substr(text.find(',') + 1);
}

Copy Kind<Copy>::parse_layer(std::string_view text) { return parse(fmt::format("m=1,{}", text)); }

std::weak_ordering Kind<Copy>::compare_layers(const Copy& a, const Copy& b) {
  return std::pair(a.k, a.type) <=> std::pair(b.k, b.type);
}

double Kind<Copy>::distance(const Copy& a, const Copy& b) { return std::abs(std::log(work(a) / work(b))); }

OperationText operation_text(const Copy& copy) {
  const bool is_s8 = copy.type == CopyType::s8;
  return {.comment = is_s8 ? "bytes" : "halves",
          .name = is_s8 ? "" : "bf16",
          .type = "CopyType",
          .constant = "kType",
          .fields = fmt::format("ditune::CopyType::{}", enumerator(copy.type))};
}

std::optional<Rejection> Family<CopyRowsConfig>::refusal(const CopyRowsConfig& config, const TargetOf<Copy>& target) {
  if (threads(config) > target.device.threads_per_sm || threads(config) > 1024)
    return Rejection{"threads", "has more threads than an SM"};
  if (ditune::launch_plan(config, target.op.m).grid > kMaxGrid) return Rejection{"grid", "has too many CTAs"};
  return std::nullopt;
}

std::vector<Candidate> Family<CopyRowsConfig>::candidates(const TargetOf<Copy>& target, Wanted wanted) {
  CandidateList<CopyRowsConfig> list(target, wanted);
  for (const int rows : {1, 4})
    for (const int warps : {1, 4, 32}) {
      const CopyRowsConfig config{rows, warps};
      if (list.stands(config, {})) list.add(config);
    }
  return std::move(list).take();
}

Prediction Family<CopyRowsConfig>::predict(const CopyRowsConfig& config, const TargetOf<Copy>& target) {
  const double us = Kind<Copy>::work(target.op) * 2e-3 / target.device.dram_gbps;
  return {.dram_us = us, .total_us = us * (1 + config.rows / 16.0) + 1.0 / config.warps};
}

Outputs Verification<Copy>::plain(const Copy& copy, const CopyArgs& args) {
  const std::size_t size = copy.type == CopyType::s8 ? 1 : 2, row_bytes = static_cast<std::size_t>(args.k) * size;
  std::vector<std::byte> y(static_cast<std::size_t>(args.m) * row_bytes);
  for (std::size_t i = 0; i < static_cast<std::size_t>(args.m); ++i)
    std::memcpy(y.data() + i * row_bytes,
                static_cast<const std::byte*>(args.x) + i * static_cast<std::size_t>(args.ldx) * size, row_bytes);
  return {y};
}

}  // namespace ditune
