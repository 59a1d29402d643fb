// SPDX-License-Identifier: Apache-2.0
#include "generator/quantize_s8/quantize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "column_terms.cuh"
#include "core/operands.hpp"
#include "core/quantize_s8/prologue_fields.hpp"
#include "ditune/error.hpp"
#include "quantize_layout.cuh"

namespace ditune {
namespace {

std::optional<Rejection> reject(std::string_view constraint, std::string reason) {
  return Rejection{.constraint = std::string(constraint), .reason = std::move(reason)};
}

constexpr int kRegisterStep = 8;  // ptxas gives a thread multiples of it

// Registers that hold a thread's columns, filled up to what a rotation turns at once.
int kept_values(int octets, const Prologue& p, int kept) {
  const int values = p.residual == Branch::none ? 1 : 2, unit = unit_of(p.rotate);
  return kOctet * ((octets + unit - 1) / unit * unit) * (values + kept);
}

}  // namespace

OperationText operation_text(const Quantize& quantize) {
  const Prologue& p = quantize.prologue;
  return {.comment = "prologue " + format(p),
          .name = p == Prologue{} ? "" : format(p),
          .type = "Prologue",
          .constant = "kPrologue",
          .fields = designated_initializers(field_values(p))};
}

void check_arguments(const Quantize& quantize, const QuantizeArgs& args) {
  const Prologue& p = quantize.prologue;
  if ((p.norm != Norm::none || p.residual == Branch::gate_rms) && !(args.eps >= 0 && args.eps < 1))
    throw UsageError(fmt::format("eps = {} is out of range", args.eps), "give the norm's, 0 or more and below 1");
  if (p.rope != Rope::none && (args.positions < 1 || args.positions > kMaxExtent))
    throw UsageError(fmt::format("positions = {} is out of range", args.positions), "give the rows of r");
  if (!has_table(p) || p.table == ModulationTable::all) return;
  if (args.tables < 1 || args.tables > kMaxExtent)
    throw UsageError(fmt::format("tables = {} is out of range", args.tables), "give the rows of g, s and t");
  if (p.table == ModulationTable::index) return;
  if (args.rows_per_image < 1 || args.rows_per_image > kMaxExtent)
    throw UsageError(fmt::format("rows_per_image = {} is out of range", args.rows_per_image),
                     "give the rows of an image");
  if (args.tables < ceil_div(quantize.m, args.rows_per_image))
    throw UsageError(
        fmt::format("{} tables for {} rows each are too few for {} rows", args.tables, args.rows_per_image, quantize.m),
        "give one for each image");
}

std::optional<Rejection> common_refusal(int threads, int load, Launch launch, const QuantizeTarget& target) {
  constexpr int kMaxThreads = 1024;
  if (target.device.arch < SmArch{80})
    return reject("arch", fmt::format("conversions to bf16 need sm_80, not {}", format(target.device.arch)));
  if (launch == Launch::dependent && target.device.arch < SmArch{90})
    return reject("launch", fmt::format("dependent launches need sm_90, not {}", format(target.device.arch)));
  if (threads > kMaxThreads)
    return reject("threads", fmt::format("needs {} threads, a CTA has {}", threads, kMaxThreads));
  if (load != 1 && load != kOctet) return reject("alignment", fmt::format("load is {}, not 8 or 1", load));
  if (target.op.k % load != 0 || target.op.prologue.split % load != 0)
    return reject("alignment", fmt::format("K = {}{} is not a multiple of the 8 columns read at once", target.op.k,
                                           target.op.prologue.split > 0 ? " or its split" : ""));
  return std::nullopt;
}

std::int64_t octets_of_thread(std::int64_t k, int threads) { return ceil_div(k, std::int64_t{kOctet} * threads); }

std::string octets_reason(int threads, int octets, const QuantizeTarget& target) {
  const std::int64_t its = octets_of_thread(target.op.k, threads);
  return its != octets ? fmt::format("a row of {} is {} octets a thread, not {}", target.op.k, its, octets) : "";
}

std::string shared_memory_reason(std::int64_t bytes, const DeviceInfo& device) {
  if (bytes <= device.shared_per_block) return {};
  return fmt::format("needs {} bytes of shared memory, a CTA has {}", bytes, device.shared_per_block);
}

std::string resident_reason(int ctas, int threads, std::int64_t shared_bytes, const DeviceInfo& device) {
  constexpr int kSystemBytes = 1024;  // of shared memory, that a CTA has beside its own
  const bool fit = ctas * (shared_bytes + kSystemBytes) <= device.shared_per_sm &&
                   ctas * threads <= device.threads_per_sm && ctas <= device.ctas_per_sm;
  return fit ? "" : "an SM does not hold so many CTAs";
}

std::string columns_reason(const Prologue& prologue) {
  return column_terms(prologue) == 0 ? "no parameter makes anything of a column" : "";
}

int least_registers(int octets, const Prologue& p, int kept) { return 32 + kept_values(octets, p, kept); }

int usual_registers(int octets, const Prologue& p, int kept) {
  const bool has_row_norm = p.norm == Norm::rms || p.norm == Norm::layer;
  const bool has_columns = column_terms(p) > 0 && p.norm != Norm::rms_head;
  const int addresses = has_row_norm || has_columns ? 7 * octets : 0;  // and what else an octet of parameters takes
  const int busy = p.act != Activation::none ? 70 : p.rotate > 1 ? 40 : 0;
  return (20 + kept_values(octets, p, kept) + addresses + busy + kRegisterStep - 1) / kRegisterStep * kRegisterStep;
}

int available_registers(int threads, const DeviceInfo& device) {
  constexpr int kMaxRegisters = 255;
  const int available = device.registers_per_sm / threads / kRegisterStep * kRegisterStep;
  return std::clamp(available, kRegisterStep, kMaxRegisters);
}

int step_instructions(const Prologue& p, bool is_kept) {
  int count = p.norm == Norm::none ? 0 : p.norm == Norm::layer ? 8 : 4;
  if (p.rope != Rope::none) count += 8;
  if (has_factor(p)) count += is_kept ? 2 : 8;
  if (p.residual != Branch::none) count += is_gated(p) && !is_kept ? 22 : 13;
  if (is_swiglu(p)) count += 21;
  if (!is_swiglu(p) && p.act != Activation::none) count += 19;
  if (p.rotate > 1) count += p.rotate == 16 ? 5 : p.rotate == 64 ? 9 : 13;  // shuffles above all
  return count;
}

// Fitted to the times of 3,331 variants of 39 operations on an H200, with step_instructions. Three are not from there:
// swiglu and rotations of 16 and 64, which are scaled from the others, and a row alone, which was fitted at M = 1
// and 17.
Prediction predict_rows(const QuantizeTarget& target, const RowWork& work) {
  constexpr double kInstructions = 7;                      // of every kernel, for a value
  constexpr double kEnoughWarps = 20, kEnoughInTurn = 40;  // of an SM, to be busy; where each reads, works and stores
  constexpr double kNextUs = 0.09;                         // from a persistent CTA's rows to its next ones
  constexpr double kSumUs = 0.0035;                        // of each pair of a row's warps, which all read all
  constexpr double kLatencyUs = 0.72, kAhead = 1.6;        // of reading a row; less of it where the next is under way
  constexpr double kBeginUs = 2, kThreadUs = 0.0016;       // of the first CTAs, and of the last to end
  constexpr double kRowUs = 1.05, kOctetUs = 0.045, kWideUs = 0.0006;  // of a row alone, and its parts
  const auto& [op, device] = target;
  const double m = static_cast<double>(op.m), sms = device.sms;
  const double octets = static_cast<double>(octets_of_thread(op.k, work.threads));
  const double slots = octets * kOctet * work.threads;  // columns that the threads have, with those beyond the row
  const double threads = work.threads * work.rows, warps = work.threads / 32.0;
  const double bytes = static_cast<double>(operand_bytes(op, packed_strides(op)));

  Prediction its;
  its.waves = m / work.rows / (sms * work.resident_ctas);
  its.dram_us = bytes * 1e-3 / device.dram_gbps;
  if (m / work.rows <= sms) {  // a CTA an SM: one row's latency is all
    its.fixed_us = kRowUs + kOctetUs * octets + kWideUs * threads;
    its.total_us = its.fixed_us + its.dram_us;
    return its;
  }
  const double enough = work.is_persistent && work.stages == 0 ? kEnoughInTurn : kEnoughWarps;
  const double busy = std::sqrt(std::min(1.0, work.resident_ctas * threads / 32 / enough));
  its.math_us = m * slots * (kInstructions + work.instructions) / (sms * 128 * device.sm_clock_mhz * busy);
  const double rows_us =
      ((work.is_persistent ? kNextUs : 0) + row_sums(op.prologue) * kSumUs * warps * warps) * m / work.rows / sms;
  const double latency_us = its.waves * kLatencyUs / (work.stages > 1 ? kAhead : 1);
  its.fixed_us = kBeginUs + kThreadUs * threads;
  its.total_us = std::hypot(std::hypot(its.dram_us, its.math_us), std::hypot(rows_us, latency_us)) + its.fixed_us;
  return its;
}

}  // namespace ditune
