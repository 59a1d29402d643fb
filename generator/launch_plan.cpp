#include "generator/launch_plan.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "ditune/error.hpp"
#include "generator/families.hpp"

namespace ditune {
namespace {

void check_pointer(std::string_view name, const void* pointer, bool wanted) {
  if (!wanted && pointer != nullptr)
    throw UsageError(fmt::format("{} is given, but the epilogue does not take it", name), "pass null");
  if (!wanted) return;
  if (pointer == nullptr) throw UsageError(fmt::format("{} is null", name), "pass device memory");
  if (reinterpret_cast<std::uintptr_t>(pointer) % kPointerAlignment != 0)
    throw UsageError(fmt::format("{} is misaligned", name), fmt::format("align it to {} bytes", kPointerAlignment));
}

void check_multiple(std::string_view name, long long value, int multiple) {
  if (value % multiple != 0)
    throw UsageError(fmt::format("{} = {} is not a multiple of {}", name, value, multiple),
                     "pad the rows, or use a config that takes it, like one of mma_s8 with a smaller load");
}

void check_stride(std::string_view name, long long stride, long long row, int multiple) {
  if (stride < row || stride > kMaxExtent)
    throw UsageError(fmt::format("{} = {} is out of range", name, stride),
                     fmt::format("a row has {} elements, a stride at most {}", row, kMaxExtent));
  check_multiple(name, stride, multiple);
}

template <class Config>
void check_extents(const Config& config, const Epilogue& epilogue, const GemmArgs& args) {
  using Of = Family<Config>;
  check_multiple("K", args.k, Of::k_multiple(config));
  check_multiple("N", args.n, Of::n_multiple(config));
  check_stride("ldx", args.ldx, args.k, Of::k_multiple(config));
  check_stride("ldw", args.ldw, args.k, Of::k_multiple(config));
  check_stride("ldy", args.ldy, args.n, Of::ldy_multiple(config, epilogue.out));
}

// Rows of an operand in memory, in bytes.
struct Rows {
  std::string_view name;
  std::uintptr_t begin = 0;
  std::uint64_t count = 0, width = 0, pitch = 0;
  std::uint64_t bytes() const { return (count - 1) * pitch + width; }  // less than 2^64 for a legal problem and pitch
  std::uintptr_t end() const { return begin + bytes(); }
};

Rows rows(std::string_view name, const void* data, long long count, long long width, long long pitch) {
  return {name, reinterpret_cast<std::uintptr_t>(data), static_cast<std::uint64_t>(count),
          static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(pitch)};
}

void require_addresses(const Rows& operand) {
  if (operand.bytes() > std::numeric_limits<std::uintptr_t>::max() - operand.begin)
    throw UsageError(fmt::format("{} would end behind the last address", operand.name),
                     "check its pointer, its size and its stride");
}

bool overlap(const Rows& a, const Rows& b) {
  if (a.end() <= b.begin || b.end() <= a.begin) return false;
  if (a.pitch != b.pitch || a.count == 1 || b.count == 1) return true;
  const std::uint64_t apart = (b.begin % a.pitch + a.pitch - a.begin % a.pitch) % a.pitch;
  return apart < a.width || a.pitch - apart < b.width;
}

}  // namespace

LaunchPlan launch_plan(const KernelConfig& config, const Target& target) {
  return launch_plan(config, target.epilogue.out, target.problem, target.device.sms);
}

LaunchPlan launch_plan(const KernelConfig& config, Output out, const GemmProblem& problem, int sms) {
  return std::visit([&](const auto& c) { return launch_plan(c, out, problem.m, problem.n, sms); }, config);
}

void check_args(const KernelConfig& config, const Epilogue& epilogue, const GemmArgs& args) {
  const GemmProblem problem{.m = args.m, .n = args.n, .k = args.k};
  validate(problem);
  std::visit([&](const auto& c) { check_extents(c, epilogue, args); }, config);

  const bool scaled = epilogue.out != Output::s32;
  check_pointer("x", args.x, true);
  check_pointer("w", args.w, true);
  check_pointer("y", args.y, true);
  check_pointer("sx", args.sx, scaled);
  check_pointer("sw", args.sw, scaled);
  check_pointer("bias", args.bias, epilogue.bias != Bias::none);
  // Whether a launch needs a workspace, and not how much, is the same on every device.
  const int any_sms = reference_device(supported_archs().front()).sms;
  if (launch_plan(config, epilogue.out, problem, any_sms).workspace_bytes > 0)
    check_pointer("workspace", args.workspace, true);
}

void check_overlap(const Epilogue& epilogue, const GemmArgs& args, std::int64_t workspace_bytes) {
  const long long y_bytes = output_bytes(epilogue.out);
  const Rows y = rows("y", args.y, args.m, args.n * y_bytes, args.ldy * y_bytes);
  const Rows workspace = rows("workspace", args.workspace, 1, workspace_bytes, workspace_bytes);
  const auto vector = [](std::string_view name, const void* data, long long bytes) {
    return rows(name, data, 1, bytes, bytes);
  };
  const std::array inputs = {
      rows("x", args.x, args.m, args.k, args.ldx),
      rows("w", args.w, args.n, args.k, args.ldw),
      vector("sx", args.sx, 4 * (epilogue.sx == ScaleX::token ? args.m : 1)),
      vector("sw", args.sw, 4 * (epilogue.sw == ScaleW::channel ? args.n : 1)),
      vector("bias", args.bias, (epilogue.bias == Bias::f32 ? 4 : 2) * args.n),
  };
  require_addresses(y);
  require_addresses(workspace);
  for (const Rows& input : inputs) require_addresses(input);
  const auto require_apart = [](const Rows& written, const Rows& other) {
    if (written.begin != 0 && other.begin != 0 && overlap(written, other))
      throw UsageError(fmt::format("{} and {} overlap", written.name, other.name), "give each memory of its own");
  };
  for (const Rows& input : inputs) require_apart(y, input);
  if (workspace_bytes == 0) return;
  require_apart(workspace, y);
  for (const Rows& input : inputs) require_apart(workspace, input);
}

}  // namespace ditune
