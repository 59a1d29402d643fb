// SPDX-License-Identifier: Apache-2.0
// The command line that a subcommand was given, as a shell takes it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace ditune::cli {

// The options that were given, of `only` these if it has any: " --db tuning.db --model ideogram4".
std::string options_line(const CLI::App& app, const std::vector<std::string>& only = {});

}  // namespace ditune::cli
