// Winners as one C++17 header without dependencies.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ditune/record.hpp"

namespace ditune {

enum class Embed {
  none,    // the table alone
  source,  // and the kernels as CUDA C++
  cubin,   // and the kernels as machine code of each row's arch, with a launch function
};

// Text of the header, namespace ditune_tuned: `rows`, a constexpr table from (device, arch, n, k, epilogue, range of M)
// to config, source and time; constexpr find() and plan(), the library's own launch plan; with `cubin` launch(), which
// needs the CUDA runtime alone. Which tuned M serves which other is serve(). It has its own copy of what it
// takes from the library, so a program may use both.
//
// Of several records of one problem the measured one counts, then one of `regime`, then the faster. Records of an older
// template are left out: their kernels are not in this ditune. No text of a record is written but as an escaped
// literal; predicted records are marked as such. Under Embed::cubin `cubin_of` brings each row's kernel. Throws
// UsageError if no record is left, if one has no kernel, and for a config that a constraint refuses.
std::string export_header(const std::vector<TuningRecord>& records, Embed embed, Regime regime,
                          const std::function<std::string(const TuningRecord&)>& cubin_of);

}  // namespace ditune
