// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/arguments.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "ditune/error.hpp"
#include "generator/families.hpp"
#include "operand_memory.cuh"

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
StrideMultiples multiples_of(const Config& config, Output out) {
  return {.k = Family<Config>::k_multiple(config), .y = Family<Config>::ldy_multiple(config, out)};
}

template <class Config>
void check_extents(const Config& config, const Epilogue& epilogue, const GemmArgs& args) {
  const StrideMultiples multiples = multiples_of(config, epilogue.out);
  check_multiple("K", args.k, multiples.k);
  check_multiple("N", args.n, Family<Config>::n_multiple(config));
  check_stride("ldx", args.ldx, args.k, multiples.k);
  check_stride("ldw", args.ldw, args.k, multiples.k);
  check_stride("ldy", args.ldy, args.n, multiples.y);
}

}  // namespace

StrideMultiples stride_multiples(const KernelConfig& config, Output out) {
  return std::visit([out](const auto& c) { return multiples_of(c, out); }, config);
}

void check_args(const KernelConfig& config, const Epilogue& epilogue, const GemmArgs& args,
                std::int64_t workspace_bytes) {
  validate(Gemm{.m = args.m, .n = args.n, .k = args.k});
  std::visit([&](const auto& c) { check_extents(c, epilogue, args); }, config);

  const bool scaled = epilogue.out != Output::s32;
  check_pointer("x", args.x, true);
  check_pointer("w", args.w, true);
  check_pointer("y", args.y, true);
  check_pointer("sx", args.sx, scaled);
  check_pointer("sw", args.sw, scaled);
  check_pointer("bias", args.bias, epilogue.bias != Bias::none);
  if (workspace_bytes > 0) check_pointer("workspace", args.workspace, true);
}

void check_memory(const Epilogue& epilogue, const GemmArgs& args, std::int64_t workspace_bytes) {
  const MemoryFault fault = find_memory_fault(epilogue, args, workspace_bytes);
  if (!fault.operand) return;
  if (fault.other)
    throw UsageError(fmt::format("{} and {} overlap", fault.operand, fault.other), "give each memory of its own");
  throw UsageError(fmt::format("{} would end behind the last address", fault.operand),
                   "check its pointer, its size and its stride");
}

}  // namespace ditune
