#include "tuner/host_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <variant>

#include "generator/kernel_parameter.hpp"
#include "generator/launch_plan.hpp"
#include "tuner/plain_gemm.hpp"
#include "tuner/verdict.hpp"

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
        bytes_(static_cast<std::size_t>((args.m - 1) * args.ldy + args.n) * size_),
        memory_(kGuardBytes + bytes_ + kGuardBytes) {
    std::fill_n(memory_.data(), memory_.bytes(), kPoison);
    for (long long row = 0; row < args_.m; ++row) {
      const std::byte* right = expected_.data() + row_bytes() * static_cast<std::size_t>(row);
      std::transform(right, right + row_bytes(), begin(row), [](std::byte b) { return ~b; });
    }
  }

  std::byte* y() const { return memory_.data() + kGuardBytes; }
  emulation::Region region() const {
    return {.name = "y",
            .data = y(),
            .row_bytes = row_bytes(),
            .rows = static_cast<std::size_t>(args_.m),
            .pitch = pitch(),
            .use = emulation::Use::output};
  }
  std::vector<std::byte> contents() const { return {y(), y() + bytes_}; }

  std::string failure() const {
    if (const auto wrong = wrong_outputs()) return describe(*wrong, args_.m * args_.n, type_);
    return written_beside();
  }

 private:
  static constexpr std::size_t kGuardBytes = 64;
  static constexpr std::byte kPoison{0xa5};

  std::size_t row_bytes() const { return static_cast<std::size_t>(args_.n) * size_; }
  std::size_t pitch() const { return static_cast<std::size_t>(args_.ldy) * size_; }
  std::byte* begin(long long row) const { return y() + pitch() * static_cast<std::size_t>(row); }

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
        const unsigned actual = bits_at(begin(row) + static_cast<std::size_t>(column) * size_);
        const unsigned right = bits_at(expected);
        if (actual == right || (is_nan(actual, type_) && is_nan(right, type_))) continue;
        if (wrong.count++ == 0) wrong = {.count = 1, .row = row, .column = column, .actual = actual, .right = right};
      }
    }
    return wrong.count > 0 ? std::optional(wrong) : std::nullopt;
  }

  std::string written_beside() const {
    std::vector<std::byte> rest(memory_.data(), memory_.data() + memory_.bytes());
    for (long long row = 0; row < args_.m; ++row)
      std::fill_n(rest.data() + (begin(row) - memory_.data()), row_bytes(), kPoison);
    const auto touched = [](std::byte b) { return b != kPoison; };
    const auto count = std::ranges::count_if(rest, touched);
    if (count == 0) return {};
    const auto first = std::ranges::find_if(rest, touched) - rest.begin() - static_cast<std::ptrdiff_t>(kGuardBytes);
    return fmt::format("writes {} bytes beside the output, the first {} bytes from its start", count, first);
  }

  GemmArgs args_;
  Output type_;
  std::size_t size_;
  const std::vector<std::byte>& expected_;
  std::size_t bytes_;
  HostBuffer memory_;
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

HostProblem::HostProblem(const Target& target, const Strides& strides, std::uint64_t seed)
    : target_(target),
      operands_(target.problem, target.epilogue, strides, seed),
      expected_(plain_gemm(operands_.args(), target.epilogue)) {}

Emulation HostProblem::run(const HostKernel& kernel, const KernelConfig& config, std::uint64_t schedule) const {
  const LaunchPlan plan = launch_plan(config, target_);
  GemmArgs args = operands_.args();
  const GuardedOutput output(args, target_.epilogue.out, expected_);
  const HostBuffer workspace(static_cast<std::size_t>(plan.workspace_bytes));
  std::fill_n(workspace.data(), workspace.bytes(), std::byte{0});
  args.y = output.y();
  args.workspace = workspace.data();
  check_args(config, target_.epilogue, args, plan.workspace_bytes);

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
                                        memory, kernel_parameter(config, target_.epilogue, args, describe_tensor));
  return {.failure = report.fault.empty() ? output.failure() : std::move(report.fault),
          .shared = std::move(report.shared),
          .output = output.contents()};
}

GemmProblem emulated_problem(const GemmProblem& problem, const KernelConfig& config) {
  return std::visit(
      [&](const auto& c) {
        return GemmProblem{some_tiles(problem.m, c.tile_m), some_tiles(problem.n, c.tile_n), problem.k};
      },
      config);
}

Target emulated_target(const Target& target, const KernelConfig& config) {
  Target small = target;
  small.problem = emulated_problem(target.problem, config);
  small.device.sms = std::visit([](const auto& c) { return emulated_sms(c); }, config);
  return small;
}

}  // namespace ditune
