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

int row_registers(int octets, const Prologue& p, int kept) {
  const int values = p.residual == Branch::none ? 1 : 2, unit = unit_of(p.rotate);
  return 32 + kOctet * ((octets + unit - 1) / unit * unit) * (values + kept);
}

int available_registers(int threads, const DeviceInfo& device) {
  constexpr int kMaxRegisters = 255;
  return std::min(kMaxRegisters, device.registers_per_sm / threads / 8 * 8);
}

int step_instructions(const Prologue& p, bool is_kept) {
  int count = p.norm == Norm::none ? 0 : p.norm == Norm::layer ? 8 : 5;
  if (p.rope != Rope::none) count += 5;
  if (has_factor(p)) count += is_kept ? 1 : 5;
  if (p.residual != Branch::none) count += is_gated(p) && !is_kept ? 12 : 8;
  if (is_swiglu(p)) count += 24;
  if (!is_swiglu(p) && p.act != Activation::none) count += 22;
  if (p.rotate > 1) count += p.rotate == 16 ? 8 : p.rotate == 64 ? 16 : 24;  // shuffles above all
  return count;
}

// The constants are those that fit best what 260 variants of eight operations took on an H200.
Prediction predict_rows(const QuantizeTarget& target, const RowWork& work) {
  constexpr double kDramEfficiency = 0.9, kL2Speed = 1.6;  // of DRAM's nominal rate
  constexpr double kInstructions = 10;                     // of every kernel, for a value
  constexpr double kEnoughWarps = 24;                      // of an SM, to be busy
  constexpr double kCtaUs = 0.25, kThreadUs = 0.0008;      // from a CTA's begin to the next one's in its place
  constexpr double kSumUs = 0.0065;                        // of each pair of a row's warps, which all read all
  constexpr double kRowUs = 1.05, kOctetUs = 0.045, kReadUs = 0.4, kWideUs = 0.0006;  // a row's latency, and its parts
  const auto& [op, device] = target;
  const double m = static_cast<double>(op.m), sms = device.sms;
  const double octets = static_cast<double>(octets_of_thread(op.k, work.threads));
  const double slots = octets * kOctet * work.threads;  // columns that the threads have, with those beyond the row
  const double threads = work.threads * work.rows, warps = work.threads / 32.0;
  const double bytes = static_cast<double>(operand_bytes(op, packed_strides(op)));

  Prediction its;
  its.waves = m / work.rows / (sms * work.resident_ctas);
  its.dram_us = bytes * 1e-3 / (kDramEfficiency * device.dram_gbps);
  its.l2_us = work.reads * bytes * 1e-3 / (kL2Speed * device.dram_gbps);
  const double busy = std::sqrt(std::min(1.0, work.resident_ctas * threads / 32 / kEnoughWarps));
  its.math_us = m * slots * (kInstructions + work.instructions) / (sms * 128 * device.sm_clock_mhz * busy);
  const double ctas_us =
      (kCtaUs + kThreadUs * threads + row_sums(op.prologue) * kSumUs * warps * warps) * m / work.rows / sms;
  its.fixed_us = kRowUs + kOctetUs * octets * work.reads + kReadUs * (work.reads - 1) + kWideUs * threads;
  if (m / work.rows <= sms) {  // a CTA an SM: one row's latency is all
    its.total_us = its.fixed_us + its.dram_us;
    return its;
  }
  const auto cubed = [](double v) { return v * v * v; };
  its.total_us = std::cbrt(cubed(its.dram_us) + cubed(its.l2_us) + cubed(its.math_us) + cubed(ctas_us)) + its.fixed_us;
  return its;
}

}  // namespace ditune
