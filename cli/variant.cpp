// SPDX-License-Identifier: Apache-2.0
#include "cli/variant.hpp"

#include <fmt/format.h>

#include "cli/output.hpp"

namespace ditune::cli {

void add_variant(CLI::App& app, VariantOptions& options) {
  app.add_option("--shape", options.shape, "the problem, MxNxK")->required();
  app.add_option("--config", options.config, "the variant, e.g. mma_s8:tile=128x128x64,warps=2x2,stages=3")->required();
  app.add_option("--epilogue", options.epilogue, "what is fused, e.g. bias=bf16,out=f16 (default)");
  add_target(app, options.target);
}

Variant choose_variant(const VariantOptions& options) {
  Gemm gemm = parse_shape(options.shape);
  const KernelConfig config = parse_config(options.config);
  if (!options.epilogue.empty()) gemm.epilogue = parse_epilogue(options.epilogue);
  const Target target{gemm, choose_target(options.target).device};
  require_legal(config, target);
  return {target, config};
}

void report_no_variant(const Target& target) {
  std::string why;
  for (const Candidate& candidate : enumerate_all(target)) {
    if (!candidate.rejection) continue;
    why = fmt::format(": {}: {}", candidate.rejection->constraint, candidate.rejection->reason);
    break;
  }
  print_error(fmt::format("no variant runs {} on {}{} (ditune space --rejected lists what refuses each)",
                          describe(target.operation), target.device.name, why));
}

}  // namespace ditune::cli
