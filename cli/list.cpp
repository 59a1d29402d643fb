// SPDX-License-Identifier: Apache-2.0
// ditune list: the winners in the database.
#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/output.hpp"

namespace ditune::cli {
namespace {

struct ListFlags {
  RecordOptions records;
  bool json = false;
};

ExitCode list(const ListFlags& options) {
  Records stored(options.records);
  const std::vector<TuningRecord> records = stored.winners();
  if (records.empty()) stored.report_none();
  if (options.json) {
    Json json = Json::array();
    for (const TuningRecord& record : records) json.push_back(record_json(record));
    stored.add_skipped(json);
    print(json);
  } else if (!records.empty()) {
    print(record_table(records));
  }
  return records.empty() ? kBadAnswer : kDone;
}

}  // namespace

void add_list(CLI::App& app, Run& run) {
  const Command<ListFlags> command(app, run, "list", "the winners in the database", list);
  add_filter(*command.app, command.options->records);
  command.app->add_flag("--json", command.options->json, "as a JSON array");
}

}  // namespace ditune::cli
