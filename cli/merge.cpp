// SPDX-License-Identifier: Apache-2.0
// ditune merge: the records of other machines taken into one database.
#include "db/merge.hpp"

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/environment.hpp"
#include "cli/output.hpp"
#include "core/text.hpp"
#include "db/working_copy.hpp"

namespace ditune::cli {
namespace {

struct MergeFlags {
  std::string into;
  std::vector<std::string> from;
  bool trust_binaries = false;
};

// Every source is looked at before the destination is made.
ExitCode merge_databases(const MergeFlags& options) {
  for (const std::string& from : options.from) require_mergeable(options.into, from);
  WorkingCopy copy(options.into, {.local_folder = temporary_folder()});
  Store into = Store::open(copy.path());
  for (const std::string& from : options.from) {
    const MergeResult result = merge(into, Store::open_read_only(from), options.trust_binaries);
    print_line(fmt::format("{}: {} added, {} taken, {} refused", from, text::counted(result.trials, "trial"),
                           text::counted(result.winners, "winner"), text::counted(result.refused, "row")));
    if (result.skipped > 0)
      print_note(fmt::format("{} of {} {} a value that is wrong or out of range ({} lists {})",
                             text::counted(result.skipped, "row"), from, result.skipped == 1 ? "has" : "have",
                             show_skipped(from), result.skipped == 1 ? "it" : "them"));
    copy.merge_back();
  }
  return kDone;
}

}  // namespace

void add_merge(CLI::App& app, Run& run) {
  const Command<MergeFlags> command(app, run, "merge", "take the records of other databases into one", merge_databases);
  MergeFlags& options = *command.options;
  command.app->add_option("into", options.into, "the database that gets them; made if it is not there")->required();
  command.app->add_option("from", options.from, "the databases that have them")->required();
  command.app->add_flag("--trust-binaries", options.trust_binaries,
                        "also their compiled kernels, which anyone who can write the file can replace");
}

}  // namespace ditune::cli
