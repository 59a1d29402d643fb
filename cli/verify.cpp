// ditune verify: variants against the reference kernel, bit for bit.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
#include "ditune/error.hpp"
#include "ditune/library.hpp"
#include "generator/search_space.hpp"
#include "tuner/gpu.hpp"

namespace ditune::cli {
namespace {

struct Options {
  RecordOptions records;
  std::string config = "best";
  std::uint64_t seed = 0;
};

constexpr std::array<std::string_view, 1> kPlaces{"gpu"};
constexpr std::size_t kBatch = 16;  // variants verified between two steps of the progress line

// What "best", "all" or a config in text form stands for.
class Choice {
 public:
  explicit Choice(const Options& options) : text_(options.config) {
    if (text_ != "best" && text_ != "all") parse_config(text_);
    if (text_ != "best") return;
    if (const auto store = open_existing(options.records.db)) library_ = Library(store->winners());
  }

  // Empty where the target has no variant at all.
  std::vector<KernelConfig> configs(const Target& target) const {
    if (text_ == "all") return enumerate(target);
    if (text_ == "best") {
      const LookupResult found = library_.lookup(target.problem, target.epilogue, target.device);
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

std::vector<Verdict> verify_configs(const GpuTuner& gpu, const Target& target, const std::vector<KernelConfig>& configs,
                                    TuneProgress progress, ProgressLine& line) {
  std::vector<Verdict> verdicts;
  progress.trials = static_cast<int>(configs.size());
  for (std::size_t at = 0; at < configs.size(); at += kBatch) {
    progress.tried = static_cast<int>(at);
    progress.trying = format(configs[at]);
    line.show(progress);
    const auto batch = std::span(configs).subspan(at, std::min(kBatch, configs.size() - at));
    std::ranges::move(gpu.verify(target, batch), std::back_inserter(verdicts));
  }
  return verdicts;
}

// A row for all that is right, one for each that is wrong.
void add_rows(Table& table, const Target& target, const std::vector<Verdict>& verdicts) {
  const auto row = [&](const std::string& variant, const std::string& result) {
    table.add({format(target.problem), format(target.epilogue), variant, result});
  };
  const auto right = std::ranges::count_if(verdicts, &Verdict::ok);
  if (right == 1 && verdicts.size() == 1) row(format(verdicts[0].config), "ok");
  if (right > 0 && verdicts.size() > 1) row(fmt::format("{} of {} variants", right, verdicts.size()), "ok");
  for (const Verdict& verdict : verdicts)
    if (!verdict.ok()) row(format(verdict.config), verdict.failure);
}

ExitCode verify(const Options& options) {
  const std::vector<SelectedLayer> layers = require_layers(options.records.select);
  const Choice choice(options);
  const VisibleTarget chosen = choose_visible(options.records.target);
  std::vector<std::pair<Target, std::vector<KernelConfig>>> work;
  bool all_right = true;
  for (const SelectedLayer& layer : layers) {
    const Target target{layer.problem, layer.epilogue, chosen.device};
    if (auto configs = choice.configs(target); !configs.empty()) {
      work.emplace_back(target, std::move(configs));
    } else {
      report_no_variant(target);
      all_right = false;
    }
  }
  if (work.empty()) return kBadAnswer;
  const GpuTuner gpu({.ordinal = chosen.ordinal, .seed = options.seed});
  Table table({{"PROBLEM"}, {"EPILOGUE"}, {"VARIANT"}, {"RESULT"}});
  {
    ProgressLine line;
    for (std::size_t i = 0; i < work.size(); ++i) {
      const auto& [target, configs] = work[i];
      TuneProgress progress;
      progress.layer = i;
      progress.layers = work.size();
      progress.target = target;
      const std::vector<Verdict> verdicts = verify_configs(gpu, target, configs, progress, line);
      all_right = all_right && std::ranges::all_of(verdicts, &Verdict::ok);
      add_rows(table, target, verdicts);
    }
  }
  print(table);
  return all_right ? kDone : kBadAnswer;
}

}  // namespace

void add_verify(CLI::App& app, Run& run) {
  const Command<Options> command(app, run, "verify", "variants against the reference kernel, bit for bit", verify);
  Options& options = *command.options;
  add_records(*command.app, options.records);
  command.app->add_option("--config", options.config, "a variant, best (what lookup finds) or all (best)");
  add_word(*command.app, "--on", kPlaces, "where to run them (gpu)", [](std::size_t) {});
  add_seed(*command.app, options.seed, "of the random operands (0)");
}

}  // namespace ditune::cli
