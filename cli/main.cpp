// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <new>
#include <span>
#include <sstream>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "cli/output.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

UsageError unknown_command(const CLI::App& app, std::string_view word) {
  std::vector<std::string_view> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* a) { return !a->get_group().empty(); }))
    names.push_back(command->get_name());
  const std::string_view meant = text::nearest(word, names);
  return {fmt::format("unknown command '{}'", word),
          (meant.empty() ? "" : fmt::format("did you mean {}? ", meant)) + "ditune --help lists them"};
}

// CLI11 splits `[a,b]` into the words a and b. A mark behind the closing bracket keeps it one word.
constexpr char kMark = '\x1f';

// As it wants them, the last first, without the program's name.
std::vector<std::string> marked(std::span<char*> words) {
  std::vector<std::string> marked;
  for (std::size_t i = words.size(); i-- > 1;) {
    marked.emplace_back(words[i]);
    if (marked.back().ends_with(']')) marked.back() += kMark;
  }
  return marked;
}

void take_marks_off(CLI::App& app) {
  const auto without_mark = [](std::string word) {
    if (word.ends_with(kMark)) word.pop_back();
    return word;
  };
  for (CLI::App* command : app.get_subcommands({}))
    for (CLI::Option* option : command->get_options()) option->transform(without_mark);
}

// What CLI11 refuses, in our words.
UsageError usage_error(const CLI::App& app, const CLI::ParseError& error, std::span<char*> words) {
  std::string text = error.what();
  std::erase(text, kMark);
  if (const std::size_t at = text.find(": At Most 1 required"); at != std::string_view::npos)
    return {fmt::format("{} is given more than once", text.substr(0, at)), "give it once"};
  if (const auto chosen = app.get_subcommands(); !chosen.empty())
    return {text, fmt::format("see ditune {} --help", chosen[0]->get_name())};
  if (words.size() < 2) return {"no command is given", "ditune --help lists them"};
  return unknown_command(app, words[1]);
}

// A script's unset variable is a mistake, not an option left out.
void require_values(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    for (const std::string& value : option->results())
      if (value.empty())
        throw UsageError(fmt::format("the value of {} is empty", option->get_name()),
                         option->get_required() ? "give one" : "give one or leave it out");
}

// What --help and --version ask for.
void print_help(const CLI::App& app, const CLI::ParseError& asked) {
  std::ostringstream text, no_error;
  app.exit(asked, text, no_error);
  print_text(text.str());
  flush_results();
}

// A file gets the lowest free descriptor when it is opened. If standard output is closed, a database could get its
// descriptor, and results would be printed into the database. Opened for reading only, so that printing there fails;
// standard output as a folder, since who opened /dev/stdout to write a file would get /dev/null for writing.
void fill_closed_standard_files() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(descriptor, F_GETFD) < 0)
      static_cast<void>(::open(descriptor == STDOUT_FILENO ? "/" : "/dev/null", O_RDONLY));
}

// A pipe that nobody reads and a file that reaches its size limit are errors of the write, which are told and cleaned
// up after, not the end of this program.
void let_writes_fail() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

// As other programs end when nobody reads on: without a word, by the signal, which tells the shell. The command has
// cleaned up after itself by now.
ExitCode end_by_broken_pipe() {
  std::signal(SIGPIPE, SIG_DFL);
  static_cast<void>(std::raise(SIGPIPE));
  return kFailed;  // where the signal is blocked
}

ExitCode parse_and_run(int argc, char** argv) {
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  CLI::App app(
      "Writes, compiles, measures and remembers the fastest fused INT8 GEMM for every linear layer of a diffusion "
      "transformer, and the kernel that makes its int8 rows, on the GPU at hand.",
      "ditune");
  app.set_version_flag("--version", DITUNE_VERSION);
  app.require_subcommand(1);
  Run run;
  for (const auto add : {add_devices, add_doctor, add_models, add_tune, add_list, add_show, add_lookup, add_space,
                         add_emit, add_compile, add_verify, add_bench, add_report, add_export, add_merge, add_worker})
    add(app, run);
  take_marks_off(app);
  try {
    app.parse(marked(words));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw usage_error(app, error, words);
    print_help(app, error);
    return kDone;
  }
  for (const CLI::App* command : app.get_subcommands()) require_values(*command);
  const ExitCode code = run();
  flush_results();
  return code;
}

ExitCode main(int argc, char** argv) {
  fill_closed_standard_files();
  let_writes_fail();
  try {
    return parse_and_run(argc, argv);
  } catch (const BrokenPipe&) {
    return end_by_broken_pipe();
  } catch (const UsageError& error) {
    print_error(error.what());
    return kBadRequest;
  } catch (const DbError& error) {
    print_error(error.what());
    return error.kind() == DbError::Kind::unusable ? kBadRequest : kFailed;
  } catch (const std::bad_alloc&) {
    print_error("there is not enough memory (ask for less at once, or end other programs)");
    return kFailed;
  } catch (const std::exception& error) {
    print_error(error.what());
    return kFailed;
  }
}

}  // namespace
}  // namespace ditune::cli

int main(int argc, char** argv) { return ditune::cli::main(argc, argv); }
