// SPDX-License-Identifier: Apache-2.0
// ditune emit: a variant as CUDA C++.
#include "generator/emit.hpp"

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/variant.hpp"

namespace ditune::cli {
namespace {

struct EmitFlags {
  VariantOptions variant;
  std::string output;
  bool standalone = false;
};

ExitCode emit_variant(const EmitFlags& options) {
  const auto [target, config] = choose_variant(options.variant);
  const KernelSource source =
      options.standalone ? emit_standalone(config, target.operation) : emit(config, target.operation);
  if (options.output.empty())
    print_text(source.text);
  else
    write_file(options.output, source.text);
  return kDone;
}

}  // namespace

void add_emit(CLI::App& app, Run& run) {
  const Command<EmitFlags> command(app, run, "emit", "a variant as CUDA C++", emit_variant);
  add_variant(*command.app, command.options->variant);
  command.app->add_flag("--standalone", command.options->standalone,
                        "one file that nvcc -std=c++20 compiles, templates inlined");
  command.app->add_option("-o,--output", command.options->output, "the file to write (standard output)");
}

}  // namespace ditune::cli
