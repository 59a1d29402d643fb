// SPDX-License-Identifier: Apache-2.0
// The subcommands. Each file adds its own options and says what to run once the line is parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace ditune::cli {

// What a subcommand returns; errors are exceptions, which main turns into kBadRequest and kFailed.
enum ExitCode : int {
  kDone = 0,
  kBadAnswer = 1,   // it ran, and the answer is bad: a mismatch, nothing found
  kBadRequest = 2,  // the request is wrong
  kFailed = 3,      // the machine failed it
};

// Runs the subcommand that was named; set while the line is parsed.
using Run = std::function<ExitCode()>;

void add_devices(CLI::App& app, Run& run);
void add_doctor(CLI::App& app, Run& run);
void add_models(CLI::App& app, Run& run);
void add_tune(CLI::App& app, Run& run);
void add_list(CLI::App& app, Run& run);
void add_show(CLI::App& app, Run& run);
void add_lookup(CLI::App& app, Run& run);
void add_space(CLI::App& app, Run& run);
void add_emit(CLI::App& app, Run& run);
void add_compile(CLI::App& app, Run& run);
void add_verify(CLI::App& app, Run& run);
void add_bench(CLI::App& app, Run& run);
void add_report(CLI::App& app, Run& run);
void add_export(CLI::App& app, Run& run);
void add_merge(CLI::App& app, Run& run);
void add_worker(CLI::App& app, Run& run);

// A subcommand whose options are a struct: `options` is what its flags write to, `function` gets it when it is run.
template <class Options>
struct Command {
  CLI::App* app;
  std::shared_ptr<Options> options = std::make_shared<Options>();

  Command(CLI::App& parent, Run& run, const char* name, const char* description,
          ExitCode (*function)(const Options& options))
      : app(parent.add_subcommand(name, description)) {
    app->callback([&run, function, options = options] { run = [=] { return function(*options); }; });
  }
};

}  // namespace ditune::cli
