// Winners as one C++17 header without dependencies.
#pragma once

#include <string>
#include <vector>

#include "db/store.hpp"

namespace ditune {

enum class Embed { none, source, cubin };

// Text of the header: a constexpr table from (arch or device class, n, k, epilogue, m range) to config and launch plan,
// a constexpr lookup, and with `cubin` the kernels and a launch function that needs the CUDA driver or runtime alone.
// Text from the records is escaped; predicted records are marked as such. Throws UsageError if a record has no stored
// cubin under Embed::cubin, or if there are no records.
std::string export_header(const Store& store, const std::vector<TuningRecord>& records, Embed embed);

}  // namespace ditune
