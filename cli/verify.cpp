// SPDX-License-Identifier: Apache-2.0
// ditune verify: variants against the reference, bit for bit, on a GPU or under emulation.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <string_view>

#include "cli/bank_conflicts.hpp"
#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
#include "cli/verify_places.hpp"
#include "core/kind.hpp"
#include "ditune/error.hpp"
#include "ditune/library.hpp"
#include "generator/search_space.hpp"

namespace ditune::cli {
namespace {

enum class Place { gpu, cpu };
constexpr std::array<std::string_view, 2> kPlaces{"gpu", "cpu"};
constexpr std::array<std::string_view, 6> kCases{"all", "plain", "padded", "odd", "extreme", "far"};
static_assert(std::equal(kOperandCaseWords.begin(), kOperandCaseWords.end(), kCases.begin() + 1));

struct VerifyFlags {
  RecordOptions records;
  std::string config = "best";
  Place place = Place::gpu;
  VerifyOptions verify;
};

// What "best", "all" or a config in text form stands for.
class Choice {
 public:
  explicit Choice(const VerifyFlags& options) : text_(options.config) {
    if (text_ != "best" && text_ != "all") parse_config(text_);
    if (text_ != "best") return;
    library_ = Library(Records(options.records).all_winners());
  }

  // Empty where the target has no variant at all.
  std::vector<KernelConfig> configs(const Target& target) const {
    if (text_ == "all") return enumerate(target);
    if (text_ == "best") {
      const LookupResult found = library_.lookup(target.operation, target.device);
      return found.match == Match::none ? std::vector<KernelConfig>{} : std::vector{found.config};
    }
    const KernelConfig config = parse_config(text_);
    require_legal(config, target);
    return {config};
  }

 private:
  std::string text_;
  Library library_{{}};
};

// Layers that have no variant are reported and left out.
std::vector<Job> make_jobs(const std::vector<Operation>& layers, const Choice& choice, const DeviceInfo& device) {
  std::vector<Job> jobs;
  for (const Operation& layer : layers) {
    const Target target{layer, device};
    if (auto configs = choice.configs(target); !configs.empty())
      jobs.push_back({target, std::move(configs)});
    else
      report_no_variant(target);
  }
  return jobs;
}

// "144-512", or "144" where both ends are.
std::string range(std::int64_t least, std::int64_t most) {
  return least == most ? std::to_string(least) : fmt::format("{}-{}", least, most);
}

// Problems that kernels ran on, where these are smaller than the layer's.
std::string emulated_sizes(const Operation& asked, const std::vector<Operation>& emulated) {
  if (std::ranges::all_of(emulated, [&](const Operation& operation) { return operation == asked; })) return {};
  std::vector<std::string> ranges;
  for (std::size_t i = 0; i < sizes_of(asked).size(); ++i) {
    const auto size = [&](const Operation& operation) { return sizes_of(operation).at(i).value; };
    const auto [least, most] = std::ranges::minmax(emulated | std::views::transform(size));
    ranges.push_back(range(least, most));
  }
  return fmt::format("emulated at {}", fmt::join(ranges, "x"));
}

// The remark behind a result: " (case far, emulated at 64x128x80)".
std::string remarks(std::vector<std::string> all) {
  std::erase(all, "");
  return all.empty() ? "" : fmt::format(" ({})", fmt::join(all, ", "));
}

// Plain operands are what anybody expects; the others are to be asked for by name.
std::string failed_case(OperandCase which) {
  return which == OperandCase::plain ? "" : fmt::format("case {}", word(which));
}

std::string left_out(const std::vector<OperandCase>& cases) {
  if (cases.empty()) return {};
  std::vector<std::string_view> words;
  for (const OperandCase which : cases) words.push_back(word(which));
  return fmt::format("too little memory for case {}", fmt::join(words, ", "));
}

// A row for all that is right, one for each that is wrong.
void add_rows(Table& table, const Target& target, const std::vector<Verified>& all) {
  const auto row = [&](const std::string& variant, const std::string& result) {
    table.add(problem_cells(target.operation), {variant, result});
  };
  std::vector<Operation> right;
  for (const Verified& verified : all)
    if (verified.verdict.ok()) right.push_back(verified.operation);
  if (!right.empty())
    row(all.size() == 1 ? format(all[0].verdict.config) : fmt::format("{} of {} variants", right.size(), all.size()),
        "ok" + remarks({left_out(all[0].left_out), emulated_sizes(target.operation, right)}));
  for (const auto& [verdict, operation, left] : all)
    if (!verdict.ok())
      row(format(verdict.config),
          verdict.failure + remarks({failed_case(verdict.failed), emulated_sizes(target.operation, {operation})}));
}

// Every variant of every job; returns whether all are right.
bool verify_jobs(const std::vector<Job>& jobs, const VerifyJob& verify_job, Table& table) {
  ProgressLine line;
  bool all_right = true;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    TuneProgress progress;
    progress.layer = i;
    progress.layers = jobs.size();
    progress.target = jobs[i].target;
    progress.trials = static_cast<int>(jobs[i].configs.size());
    const std::vector<Verified> verified = verify_job(jobs[i], [&](std::size_t done, const KernelConfig& config) {
      progress.tried = static_cast<int>(done);
      progress.trying = format(config);
      line.show(progress);
    });
    all_right = all_right && std::ranges::all_of(verified, [](const Verified& v) { return v.verdict.ok(); });
    add_rows(table, jobs[i].target, verified);
  }
  return all_right;
}

ChosenTarget choose(const VerifyFlags& options) {
  if (options.place == Place::cpu) return choose_target(options.records.target);
  VisibleTarget here = choose_visible(options.records.target);
  return {std::move(here.device), here.ordinal};
}

ExitCode verify(const VerifyFlags& options) {
  const std::vector<Operation> layers = require_layers(options.records.select);
  const Choice choice(options);
  const ChosenTarget chosen = choose(options);
  const std::vector<Job> jobs = make_jobs(layers, choice, chosen.device);
  if (jobs.empty()) return kBadAnswer;
  BankConflicts conflicts;
  Table table({{"PROBLEM"}, {"FUSED"}, {"VARIANT"}, {"RESULT"}});
  const VerifyJob verify_job =
      options.place == Place::cpu ? on_cpu(options.verify, conflicts) : on_gpu(*chosen.ordinal, options.verify);
  const bool all_right = verify_jobs(jobs, verify_job, table);
  print(table);
  if (const Table where = conflicts.table(); !where.empty()) {
    print_text("\nBank conflicts in shared memory:\n");
    print(where);
  }
  return all_right && jobs.size() == layers.size() ? kDone : kBadAnswer;
}

}  // namespace

void add_verify(CLI::App& app, Run& run) {
  const Command<VerifyFlags> command(app, run, "verify", "variants against the reference, bit for bit", verify);
  VerifyFlags& options = *command.options;
  add_records(*command.app, options.records);
  command.app->add_option("--config", options.config, "a variant, best (what lookup finds) or all (best)");
  add_word(*command.app, "--on", kPlaces, "where to run them; a cpu emulates any GPU (gpu)",
           [&options](std::size_t place) { options.place = static_cast<Place>(place); });
  add_word(*command.app, "--case", kCases, "how operands lie in memory and what they hold (all)",
           [&options](std::size_t which) {
             if (which > 0) options.verify.cases = {kOperandCases.at(which - 1)};
           });
  add_seed(*command.app, options.verify.seed, "of the random operands, and on a cpu of the order of warps (0)");
}

}  // namespace ditune::cli
