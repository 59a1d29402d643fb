// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 in the generator, whatever the family.
#pragma once

#include "core/quantize_s8/quantize.hpp"
#include "generator/arguments.hpp"
#include "generator/cost_model.hpp"
#include "generator/family.hpp"
#include "generator/search_space.hpp"

namespace ditune {

using QuantizeTarget = TargetOf<Quantize>;

OperationText operation_text(const Quantize& quantize);

// What the stride of a row of the table must be a multiple of.
template <class Config>
std::int64_t stride_multiple(const Config& config, const Quantize&, const Operand& operand) {
  return operand.extents.stride_name ? config.load : 1;
}

// Throws UsageError for tables that have too few rows, and for an eps that no norm takes.
void check_arguments(const Quantize& quantize, const QuantizeArgs& args);

// Throws UsageError for sizes that the config does not take.
template <class Config>
void check_sizes(const Config& config, const Quantize& quantize) {
  require_multiple("K", quantize.k, config.load);
  require_multiple("split", quantize.prologue.split, config.load);
}

// What limits every family: the arch, what `load` columns at once need, and the threads of a CTA.
std::optional<Rejection> common_refusal(int threads, int load, Launch launch, const QuantizeTarget& target);

// What the kind's families have in common: Family<Config> is one of these.
template <class Config>
struct QuantizeFamily {
  using Op = Quantize;
  static KernelParameter parameter(const Config&, const Quantize&, const QuantizeArgs& args, const EncodeTensorMap&) {
    return bytes_of(args);
  }
  static std::string_view parameter_type(const Quantize&) { return "QuantizeArgs"; }
  static constexpr std::string_view kCtas = "kConfig.ctas";
  static constexpr bool kTakesTensorMaps = false;
};

// Octets that a thread has of a row of so many.
std::int64_t octets_of_thread(std::int64_t k, int threads);

// Why a thread does not have so many of a row; empty if it has.
std::string octets_reason(int threads, int octets, const QuantizeTarget& target);

// The reason to refuse a CTA that needs so many bytes of shared memory; empty if the device has them.
std::string shared_memory_reason(std::int64_t bytes, const DeviceInfo& device);

// The reason not to ask for `ctas` CTAs on an SM, of so many threads and bytes of shared memory each; empty if they
// fit.
std::string resident_reason(int ctas, int threads, std::int64_t shared_bytes, const DeviceInfo& device);

// The reason not to keep columns for other rows: there are no parameters; empty if there are.
std::string columns_reason(const Prologue& prologue);

// Estimates of a thread's registers, if it keeps so many octets of a row and `kept` values of each column: with fewer
// than the least it spills; the usual ones are what ptxas takes without a bound.
int least_registers(int octets, const Prologue& prologue, int kept);
int usual_registers(int octets, const Prologue& prologue, int kept);

// Of a thread, where so many are on an SM.
int available_registers(int threads, const DeviceInfo& device);

// What the cost model needs of a config.
struct RowWork {
  int threads = 0;        // of a row
  int rows = 1;           // of a CTA
  int resident_ctas = 1;  // on an SM
  int instructions = 0;   // for a value, beside those of every kernel
  bool is_persistent = false;
  int stages = 0;  // rows that shared memory holds, for a row of threads
};

// For a value: what the steps of the prologue take; `is_kept`: threads keep what the parameters make of their columns.
int step_instructions(const Prologue& prologue, bool is_kept);

Prediction predict_rows(const QuantizeTarget& target, const RowWork& work);

// And what a launch waits that does not begin while the one before it ends.
inline Prediction with_serial_start(Prediction its, Launch launch) {
  constexpr double kStartUs = 0.43;
  if (launch == Launch::serial) its.fixed_us += kStartUs, its.total_us += kStartUs;
  return its;
}

}  // namespace ditune
