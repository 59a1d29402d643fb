// SPDX-License-Identifier: Apache-2.0
// The rows of an exported header.
#pragma once

#include <cstdint>
#include <vector>

#include "ditune/record.hpp"

namespace ditune {

struct HeaderRow {
  TuningRecord record;
  std::int64_t m_first = 0, m_last = 0;
};

// By kind, device, layer as the kind sorts them, then M, as serve() has it. Throws UsageError; see export_header.
std::vector<HeaderRow> header_rows(const std::vector<TuningRecord>& records, Regime regime = Regime::burst);

}  // namespace ditune
