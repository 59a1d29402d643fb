// SPDX-License-Identifier: Apache-2.0
// ditune export: winners as a header for programs that carry neither NVRTC nor SQLite.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/environment.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/select.hpp"
#include "cli/target.hpp"
#include "cli/values.hpp"
#include "core/cpp_names.hpp"
#include "core/text.hpp"
#include "db/export_header.hpp"
#include "ditune/error.hpp"
#include "lookup/serving.hpp"
#include "runtime/fallback.hpp"
#include "tuner/measure/compile_only.hpp"

namespace ditune::cli {
namespace {

struct ExportFlags {
  RecordOptions records;  // its target is left out
  std::vector<TargetOptions> targets;
  std::string header;
  Embed embed = Embed::cubin;
  Regime regime = Regime::burst;
};

// The stored kernel. Winners from another database come without theirs: these are compiled here.
class Kernels {
 public:
  explicit Kernels(const Store& store) : store_(store) {}
  std::string operator()(const TuningRecord& record) {
    std::string cubin = store_.cubin(record.cubin_hash);
    if (!cubin.empty()) return cubin;
    if (!compiler_) compiler_ = compile_only_backend(nvrtc_file());
    const Target target = target_of(record.key);
    const std::string failure = compiler_->compile(target, {&record.config, 1}).front().failure;
    if (!failure.empty()) throw NvrtcError(format(record.config) + ": " + failure, "");
    return compiler_->cubin(target, record.config);
  }

 private:
  const Store& store_;
  std::optional<TuneBackend> compiler_;
};

std::string fallback_ptx(const KernelConfig& config) {
  return std::string(fallback_kernel(supported_archs().front(), config).image);
}

// Beside the header; none for what is not a file of that name in that folder: a pipe, a link.
std::filesystem::path kernels_file(const std::filesystem::path& header) {
  if (is_special(header) || std::filesystem::is_symlink(header)) return {};
  return std::filesystem::path(header).concat(".inc");
}

// The kernels first: a header never includes those of an earlier export, nor are such left beside it.
void write(const std::filesystem::path& header, const std::filesystem::path& kernels, const HeaderText& text) {
  const bool is_there = !kernels.empty() && std::filesystem::exists(kernels);
  const bool is_ours = is_there && !is_special(kernels) && read_file(kernels).starts_with(kKernelsTop);
  if (!text.kernels.empty()) {
    if (is_there && !is_ours)
      throw UsageError(fmt::format("{} is there, and not by ditune export", kernels.string()),
                       "the kernels would replace it: name the header otherwise");
    const std::array files{NamedText{kernels, text.kernels}, NamedText{header, text.header}};
    return write_files(files);
  }
  write_file(header, text.header);
  std::error_code ignored;
  if (is_ours) std::filesystem::remove(kernels, ignored);
}

ExitCode export_winners(const ExportFlags& options) {
  require_writable(options.header);
  Records stored(options.records);
  const std::vector<TuningRecord> records = of_targets(stored.winners(), options.targets);
  if (records.empty()) {
    stored.report_none();
    return kBadAnswer;
  }
  const std::filesystem::path header = options.header, kernels = kernels_file(header);
  const HeaderText text = export_header(records, {.embed = options.embed,
                                                  .regime = options.regime,
                                                  .cubin_of = Kernels(*stored.store()),
                                                  .fallback_ptx = fallback_ptx,
                                                  .kernels_file = kernels.filename()});
  write(header, kernels, text);
  for (const std::string& kind : text.left_out) print_note(fmt::format("no header has rows of {}: left out", kind));
  const std::ptrdiff_t usable = std::ranges::count_if(records, is_of_todays_template);
  if (const std::ptrdiff_t stale = std::ssize(records) - usable; stale > 0)
    print_note(fmt::format("left out: {} of another ditune's templates (tune again)", text::counted(stale, "record")));
  if (is_standard_output(header)) return kDone;
  print_line(fmt::format("{}{}: {}", options.header, text.kernels.empty() ? "" : " and " + kernels.string(),
                         text::counted(usable, "record")));
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, Run& run) {
  const Command<ExportFlags> command(app, run, "export", "winners as a C++17 header without dependencies",
                                     export_winners);
  ExportFlags& options = *command.options;
  command.app->add_option("--header", options.header, "the file to write")->required();
  add_word(*command.app, "--embed", kEnumerators<Embed>,
           "what it has of the kernels: none, their source, or machine code and a launch function (cubin)",
           [&options](std::size_t index) { options.embed = static_cast<Embed>(index); });
  add_regime(*command.app, options.regime, "whose winners are preferred (burst)");
  add_select(*command.app, options.records.select);
  add_targets(*command.app, options.targets);
  add_database(*command.app, options.records.db);
}

}  // namespace ditune::cli
