#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "cli/command.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

// The one line that every error is.
void print_error(std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  fmt::print(stderr, "ditune: error: {}\n", message);
}

ExitCode parse_and_run(int argc, char** argv) {
  CLI::App app(
      "Writes, compiles, measures and remembers the fastest fused INT8 GEMM for every linear layer of a diffusion "
      "transformer on the GPU at hand.",
      "ditune");
  app.set_version_flag("--version", DITUNE_VERSION);
  app.require_subcommand(1);
  Run run;
  for (const auto add : {add_devices, add_doctor, add_models, add_tune, add_list, add_show, add_lookup, add_space,
                         add_emit, add_compile, add_verify, add_bench, add_export})
    add(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return ExitCode(app.exit(error));  // --help, --version
    const auto chosen = app.get_subcommands();
    throw UsageError(error.what(),
                     fmt::format("see ditune {}--help", chosen.empty() ? "" : chosen[0]->get_name() + " "));
  }
  const ExitCode code = run();
  if (std::fflush(stdout) != 0) throw Error("cannot write to standard output", "is the disk full?");
  return code;
}

ExitCode main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const UsageError& error) {
    print_error(error.what());
    return kBadRequest;
  } catch (const DbError& error) {
    print_error(error.what());
    return error.kind() == DbError::Kind::unusable ? kBadRequest : kFailed;
  } catch (const std::exception& error) {
    print_error(error.what());
    return kFailed;
  }
}

}  // namespace
}  // namespace ditune::cli

int main(int argc, char** argv) { return ditune::cli::main(argc, argv); }
