// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/gemm.hpp"

#include <type_traits>

#include "core/epilogue_fields.hpp"
#include "generator/families.hpp"

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

int k_multiple(const KernelConfig& config) {
  return of_family(config, []<class Its>(const auto& c) { return Its::k_multiple(c); });
}

int ldy_multiple(const KernelConfig& config, Output out) {
  return of_family(config, [out]<class Its>(const auto& c) { return Its::ldy_multiple(c, out); });
}

}  // namespace ditune
