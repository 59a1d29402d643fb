// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "generator/gemm_s8/gemm.hpp"
#include "generator/kernel_parameter.hpp"
#include "generator/launch_plan.hpp"
#include "tuner/verify/plain_gemm.hpp"
#include "tuner/verify/verdict.hpp"

namespace ditune {
namespace {

// All ones in the exponent, not all zeros in the mantissa.
bool is_nan(unsigned bits, Output type) {
  switch (type) {
    case Output::bf16:
      return (bits & 0x7fff) > 0x7f80;
    case Output::f16:
      return (bits & 0x7fff) > 0x7c00;
    case Output::f32:
      return (bits & 0x7fffffff) > 0x7f800000;
    default:
      return false;
  }
}

// Y between guard bytes. Before a launch every output is the complement of what is right, so that one that is not
// written, be it in part, is wrong; all else is poison, and still is afterwards.
class GuardedOutput {
 public:
  GuardedOutput(const GemmArgs& args, Output type, const std::vector<std::byte>& expected)
      : args_(args),
        type_(type),
        size_(static_cast<std::size_t>(output_bytes(type))),
        expected_(expected),
        rows_({.rows = static_cast<std::size_t>(args.m),
               .bytes = static_cast<std::size_t>(args.n) * size_,
               .pitch = static_cast<std::size_t>(args.ldy) * size_},
              kGuardBytes) {
    for (const std::span<std::byte> gap : rows_.beside()) std::ranges::fill(gap, kPoison);
    for (std::size_t i = 0; i < shape().rows; ++i) {
      const std::byte* right = expected_.data() + shape().bytes * i;
      std::transform(right, right + shape().bytes, rows_.row(i).begin(), [](std::byte b) { return ~b; });
    }
  }

  std::byte* y() const { return rows_.data(); }
  emulation::Region region() const {
    return {.name = "y",
            .data = y(),
            .row_bytes = shape().bytes,
            .rows = shape().rows,
            .pitch = shape().pitch,
            .use = emulation::Use::output};
  }
  std::vector<std::byte> contents() const {
    std::vector<std::byte> all;
    for (std::size_t i = 0; i < shape().rows; ++i) all.insert(all.end(), rows_.row(i).begin(), rows_.row(i).end());
    return all;
  }

  std::string failure() const {
    if (const auto wrong = wrong_outputs()) return describe(*wrong, args_.m * args_.n, type_);
    return written_beside();
  }

 private:
  static constexpr std::size_t kGuardBytes = 64;
  static constexpr std::byte kPoison{0xa5};

  const RowShape& shape() const { return rows_.shape(); }

  unsigned bits_at(const std::byte* at) const {
    unsigned bits = 0;
    std::memcpy(&bits, at, size_);  // little-endian, as the device
    return bits;
  }

  std::optional<WrongOutputs> wrong_outputs() const {
    WrongOutputs wrong;
    const std::byte* expected = expected_.data();
    for (long long row = 0; row < args_.m; ++row) {
      for (long long column = 0; column < args_.n; ++column, expected += size_) {
        const unsigned actual =
            bits_at(rows_.row(static_cast<std::size_t>(row)).data() + static_cast<std::size_t>(column) * size_);
        const unsigned right = bits_at(expected);
        if (actual == right || (is_nan(actual, type_) && is_nan(right, type_))) continue;
        if (wrong.count++ == 0) wrong = {.count = 1, .row = row, .column = column, .actual = actual, .right = right};
      }
    }
    return wrong.count > 0 ? std::optional(wrong) : std::nullopt;
  }

  std::string written_beside() const {
    std::ptrdiff_t count = 0, first = 0;
    for (const std::span<std::byte> gap : rows_.beside()) {
      const auto touched = [](std::byte b) { return b != kPoison; };
      const auto here = std::ranges::count_if(gap, touched);
      if (count == 0 && here > 0) first = &*std::ranges::find_if(gap, touched) - y();
      count += here;
    }
    if (count == 0) return {};
    return fmt::format("writes {} bytes beside the output, the first {} bytes from its start", count, first);
  }

  GemmArgs args_;
  Output type_;
  std::size_t size_;
  const std::vector<std::byte>& expected_;
  HostRows rows_;
};

// What the emulation reads in the place of a tensor map: its description.
TensorMap describe_tensor(const TensorMapSpec& spec) {
  static_assert(sizeof(TensorMapSpec) <= sizeof(TensorMap));
  TensorMap map = {};
  std::memcpy(&map, &spec, sizeof(spec));
  return map;
}

constexpr int kResident = 3;  // CTAs that run at once, or one on each SM: those that share tiles wait for one another

// A device on which persistent CTAs walk from tile to tile, and those that share tiles are several. Tiles of their own
// behind shared ones come in tests alone.
int emulated_sms(const MmaS8Config&) { return 1; }
int emulated_sms(const WgmmaS8Config& c) {
  return c.decomposition == Decomposition::stream_k ? 3 * cluster_size(c) : 1;
}

// A whole tile and the ragged rest, or two whole ones.
std::int64_t some_tiles(std::int64_t extent, std::int64_t tile) {
  const std::int64_t rest = extent % tile;
  return std::min(extent, tile + (rest == 0 ? tile : rest));
}

}  // namespace

HostProblem::HostProblem(const Target& target, const Strides& strides, const Contents& contents)
    : target_(target),
      operands_(gemm_of(target), strides, contents),
      expected_(plain_gemm(operands_.args(), gemm_of(target).epilogue)) {}

Emulation HostProblem::run(const HostKernel& kernel, const KernelConfig& config, std::uint64_t schedule,
                           const MakeParameter& make_parameter) const {
  const LaunchPlan plan = launch_plan(config, target_);
  GemmArgs args = operands_.args();
  const GuardedOutput output(args, gemm_of(target_).epilogue.out, expected_);
  const HostBuffer workspace(static_cast<std::size_t>(plan.workspace_bytes));
  std::fill_n(workspace.data(), workspace.bytes(), std::byte{0});
  args.y = output.y();
  args.workspace = workspace.data();
  check_args(config, gemm_of(target_).epilogue, args, plan.workspace_bytes);
  const KernelParameter parameter =
      make_parameter ? make_parameter(args) : kernel_parameter(config, target_.operation, args, describe_tensor);

  std::vector<emulation::Region> memory = operands_.regions();
  memory.push_back(output.region());
  if (workspace.bytes() > 0)
    memory.push_back({.name = "workspace",
                      .data = workspace.data(),
                      .row_bytes = workspace.bytes(),
                      .use = emulation::Use::scratch});
  emulation::Report report = kernel.run({.grid = static_cast<int>(plan.grid),
                                         .cluster = plan.cluster,
                                         .block = plan.block,
                                         .dependent = plan.dependent,
                                         .shared_bytes = static_cast<std::size_t>(plan.shared_bytes),
                                         .shared_limit = static_cast<std::size_t>(target_.device.shared_per_block),
                                         .seed = schedule,
                                         .resident = std::max(kResident, target_.device.sms)},
                                        memory, parameter);
  return {.failure = report.fault.empty() ? output.failure() : std::move(report.fault),
          .shared = std::move(report.shared),
          .output = output.contents()};
}

Gemm emulated_gemm(const Gemm& gemm, const KernelConfig& config) {
  return std::visit(
      [&](const auto& c) {
        return Gemm{some_tiles(gemm.m, c.tile_m), some_tiles(gemm.n, c.tile_n), gemm.k, gemm.epilogue};
      },
      config);
}

Target emulated_target(const Target& target, const KernelConfig& config) {
  Target small = target;
  small.operation = emulated_gemm(gemm_of(target), config);
  small.device.sms = std::visit([](const auto& c) { return emulated_sms(c); }, config);
  return small;
}

}  // namespace ditune
