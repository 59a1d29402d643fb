// SPDX-License-Identifier: Apache-2.0
// ditune compile: a variant as cubin, and what it needs of an SM.
#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/environment.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/variant.hpp"
#include "generator/launch_plan.hpp"
#include "runtime/nvrtc.hpp"

namespace ditune::cli {
namespace {

struct CompileFlags {
  VariantOptions variant;
  std::string output;
  bool json = false;
};

ExitCode compile(const CompileFlags& options) {
  const auto [target, config] = choose_variant(options.variant);
  if (!options.output.empty()) require_writable(options.output);
  const CompiledKernel kernel = Nvrtc(nvrtc_file()).compile(emit(config, target.operation), target.device.arch);
  if (!options.output.empty()) write_file(options.output, kernel.cubin);
  if (is_standard_output(options.output)) return kDone;
  const ResourceUsage& needs = kernel.resources;
  const int shared_bytes = needs.shared_bytes + launch_plan(config, target).shared_bytes;
  if (options.json) {
    Json json = layer_json(target.operation);
    json["config"] = format(config);
    add_device(json, device_class(target.device));
    json["registers"] = needs.registers;
    json["spill_bytes"] = needs.spill_bytes;
    json["shared_bytes"] = shared_bytes;
    print(json);
  } else {
    print_line(fmt::format("{} for {}: {} registers, {} bytes spilled, {} bytes of shared memory", kernel.name,
                           format(target.device.arch), needs.registers, needs.spill_bytes, shared_bytes));
  }
  return kDone;
}

}  // namespace

void add_compile(CLI::App& app, Run& run) {
  const Command<CompileFlags> command(app, run, "compile", "a variant as cubin, and the resources that it needs",
                                      compile);
  add_variant(*command.app, command.options->variant);
  command.app->add_option("-o,--output", command.options->output, "the cubin to write (none)");
  command.app->add_flag("--json", command.options->json, "the resources as a JSON object");
}

}  // namespace ditune::cli
