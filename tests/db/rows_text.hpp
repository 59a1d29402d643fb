// SPDX-License-Identifier: Apache-2.0
// All that a store returns, as text: a line for each winner, trial and skipped row.
#pragma once

#include <sstream>
#include <string>

#include "core/sha256.hpp"
#include "db/store.hpp"

namespace ditune::test {

inline void write_from(std::ostream& out, const Provenance& from, const ResourceUsage& used) {
  out << '|' << used.registers << ' ' << used.spill_bytes << ' ' << used.shared_bytes << '|' << from.gpu_uuid << '|'
      << from.driver_version << '|' << from.cuda_version << '|' << from.nvrtc_version << '|' << from.ditune_version
      << '|' << from.sm_clock_mhz << '|' << from.temperature_c << '|' << from.when << '|' << from.seed << '\n';
}

inline void write_skipped(std::ostream& out, const Store& store) {
  for (const SkippedRow& row : store.skipped())
    out << "skipped|" << row.table << '|' << row.id << '|' << row.device << '\n';
}

inline std::string rows_text(const Store& store) {
  std::ostringstream out;
  out.precision(17);
  for (const TuningRecord& record : store.winners()) {
    out << "winner|" << format(record.key) << '|' << format(record.config) << '|' << format(record.source) << '|'
        << record.median_us << ' ' << record.low_us << ' ' << record.high_us << ' ' << record.power_w << ' '
        << record.predicted_us;
    for (const KernelConfig& config : record.tied) out << "|tied " << format(config);
    out << "|cubin " << record.cubin_hash << ' ' << sha256(store.cubin(record.cubin_hash));
    write_from(out, record.provenance, record.resources);
  }
  write_skipped(out, store);
  for (const Trial& trial : store.trials()) {
    const Measurement& m = trial.measurement;
    out << "trial|" << format(trial.key) << '|' << format(trial.config) << '|' << format(trial.source) << '|'
        << m.failure << '|' << m.median_us << ' ' << m.low_us << ' ' << m.high_us << ' ' << m.power_w << ' '
        << trial.predicted_us << '|';
    for (const double us : m.samples_us) out << us << ' ';
    write_from(out, trial.provenance, m.resources);
  }
  write_skipped(out, store);
  return out.str();
}

}  // namespace ditune::test
