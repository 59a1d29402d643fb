// SPDX-License-Identifier: Apache-2.0
// Winners as one C++17 header without dependencies.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ditune/record.hpp"

namespace ditune {

enum class Embed {
  none,    // the table alone
  source,  // and the kernels as CUDA C++
  cubin,   // and the kernels as machine code of each row's arch, with a launch function
};

struct HeaderOptions {
  Embed embed = Embed::none;
  Regime regime = Regime::burst;
  // Asked under Embed::cubin alone: a record's kernel, empty if there is none, and the PTX of one of
  // fallback_configs (generator/fallback.hpp).
  std::function<std::string(const TuningRecord&)> cubin_of = {};
  std::function<std::string(const KernelConfig&)> fallback_ptx = {};
  // What the header includes its kernels as where they are large; empty: they stay in it.
  std::string kernels_file = {};
};

struct HeaderText {
  std::string header;
  std::string kernels;                // of the kernels' file; empty if they are in the header
  std::vector<std::string> left_out;  // kinds of records that no header has rows of
};

// What every kernels' file begins with.
inline constexpr std::string_view kKernelsTop = "// The kernels of the header that ditune exported beside this file.\n";

// Text of the header, namespace ditune_tuned: what each kind says of its records (db/header_part.hpp), a constexpr
// table from layers and ranges of M to config, source and time, how to find a row, and the library's own launch plan;
// with `cubin` how to launch one, which needs the CUDA runtime alone. Which tuned M serves which other is serve(). It
// has its own copy of what it takes from the library, so a program may use both.
//
// Of several records of one problem the measured one counts, then one of the regime, then the faster. Records of an
// older template are left out: their kernels are not in this ditune. No text of a record is written but as an escaped
// literal; predicted records are marked as such. Kernels of more than a MiB of text get a file of their own; a header
// does not compile with that of another export. Throws UsageError if no record is left or none is of a
// kind that headers have rows of, if one has no kernel, for a
// config that a constraint refuses, and for a file's name that no #include can hold.
HeaderText export_header(const std::vector<TuningRecord>& records, const HeaderOptions& options);

}  // namespace ditune
