// SPDX-License-Identifier: Apache-2.0
#include "cli/variant.hpp"

#include <fmt/format.h>

#include "cli/output.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {

void add_variant(CLI::App& app, VariantOptions& options) {
  CLI::Option* shape = app.add_option("--shape", options.shape, "a GEMM, MxNxK");
  app.add_option("--config", options.config, "the variant, e.g. mma_s8:tile=128x128x64,warps=2x2,stages=3")->required();
  CLI::Option* epilogue =
      app.add_option("--epilogue", options.epilogue, "what is fused, e.g. bias=bf16,out=f16 (default)");
  app.add_option("--operation", options.operation, "any operation, e.g. gemm_s8:m=4096,n=13824,k=4608,bias=bf16")
      ->excludes(shape)
      ->excludes(epilogue);
  add_target(app, options.target);
}

namespace {

Operation choose_operation(const VariantOptions& options) {
  if (!options.operation.empty()) return parse_operation(options.operation);
  if (options.shape.empty()) throw UsageError("no operation is given", "give --shape MxNxK or --operation TEXT");
  Gemm gemm = parse_shape(options.shape);
  if (!options.epilogue.empty()) gemm.epilogue = parse_epilogue(options.epilogue);
  return gemm;
}

}  // namespace

Variant choose_variant(const VariantOptions& options) {
  const Operation operation = choose_operation(options);
  const KernelConfig config = parse_config(options.config);
  const Target target{operation, choose_target(options.target).device};
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
