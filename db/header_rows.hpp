// Which winner serves which M in an exported header.
#pragma once

#include <cstdint>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"

namespace ditune {

struct HeaderRow {
  TuningRecord record;
  std::int64_t m_first = 0, m_last = 0;
};

// A layer on its device; the limits are those of its arch, or of the known one that it runs as.
Target target_of(const TuningKey& key);

// By device, n, k, epilogue, then M; the ranges of a layer do not overlap. Throws UsageError; see export_header.
std::vector<HeaderRow> header_rows(const std::vector<TuningRecord>& records, Regime regime = Regime::burst);

}  // namespace ditune
