// SPDX-License-Identifier: Apache-2.0
// The command line that a subcommand was given, as a shell takes it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ditune::cli {

// As it is where a shell changes nothing of it, else in single quotes.
std::string shell_word(std::string_view word);

// The options that were given, of `only` these if it has any: " --db tuning.db --model ideogram4".
std::string options_line(const CLI::App& app, const std::vector<std::string>& only = {});

}  // namespace ditune::cli
