// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/gemm.hpp"

#include <fmt/format.h>

#include <type_traits>

#include "core/gemm_s8/epilogue_fields.hpp"
#include "ditune/error.hpp"
#include "generator/families.hpp"
#include "launch_plan.cuh"

namespace ditune {
namespace {

// What `ask` makes of the config and its family.
template <class Ask>
int of_family(const KernelConfig& config, const Ask& ask) {
  return std::visit(
      [&]<class Config>(const Config& c) -> int {
        if constexpr (std::is_same_v<OpOf<Config>, Gemm>) return ask.template operator()<Family<Config>>(c);
        refuse_kind(config, Gemm{});
      },
      config);
}

}  // namespace

OperationText operation_text(const Gemm& gemm) {
  const Epilogue& e = gemm.epilogue;
  return {.comment = "epilogue " + format(e),
          .name = e == Epilogue{} ? "" : format(e),
          .type = "Epilogue",
          .constant = "kEpilogue",
          .fields = designated_initializers(field_values(e))};
}

void check_arguments(const Gemm& gemm, const FusedGemmArgs& args) {
  const Gate gate = gemm.epilogue.gate;
  if (gate == Gate::none || gate == Gate::channel) return;
  if (args.gates < 1 || args.gates > kMaxExtent)
    throw UsageError(fmt::format("gates = {} is out of range", args.gates), "give the rows of g");
  if (gate == Gate::index) return;
  if (args.rows_per_gate < 1 || args.rows_per_gate > kMaxExtent)
    throw UsageError(fmt::format("rows_per_gate = {} is out of range", args.rows_per_gate),
                     "give the rows of an image");
  if (args.gates < ceil_div(gemm.m, args.rows_per_gate))
    throw UsageError(
        fmt::format("{} gates of {} rows each are too few for {} rows", args.gates, args.rows_per_gate, gemm.m),
        "give a gate for each image");
}

int k_multiple(const KernelConfig& config) {
  return of_family(config, []<class Its>(const auto& c) { return Its::k_multiple(c); });
}

int ldy_multiple(const KernelConfig& config, Output out) {
  return of_family(config, [out]<class Its>(const auto& c) { return Its::ldy_multiple(c, out); });
}

int residual_multiple(const KernelConfig& config, const Epilogue& epilogue) {
  return of_family(config, [&]<class Its>(const auto& c) { return Its::residual_multiple(c, epilogue); });
}

}  // namespace ditune
