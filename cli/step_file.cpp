// SPDX-License-Identifier: Apache-2.0
#include "cli/step_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "cli/json_values.hpp"
#include "core/shell.hpp"
#include "core/text.hpp"

namespace ditune::cli {
namespace {

constexpr int kVersion = 1;
constexpr double kRounding = 1e-9;  // by which quartiles of equal samples may differ

// "1024" where it is known, for commands.
std::optional<std::string> digits_of(const Json& json, const char* key) {
  const auto count = count_of(json, key);
  return count ? std::optional(std::to_string(*count)) : std::nullopt;
}

// ---- a route ----

report::Range quartiles_of(const Json& json, double median) {
  const report::Range range{positive(json, "low_quartile_ms"), positive(json, "high_quartile_ms")};
  if (range.low > median * (1 + kRounding) || range.high < median * (1 - kRounding))
    throw Refused{fmt::format("the quartiles {} and {} are not around the median {}", range.low, range.high, median)};
  return {std::min(range.low, median), std::max(range.high, median)};
}

// {"exact": 34, "nearest m": 2}: "34 exact, 2 nearest m"
std::string operations_of(const Json& json) {
  const Json* const matches = known(json, "operations");
  std::vector<std::string> parts;
  if (matches)
    for (const auto& [match, count] : as_object(*matches, "operations"))
      parts.push_back(fmt::format("{} {}", as_whole(count, "operations"), match));
  return fmt::format("{}", fmt::join(parts, ", "));
}

using Groups = std::vector<std::vector<std::string>>;

Groups groups_of(const Json& json) {
  Groups groups;
  for (const Json& group : list_at(json, "groups")) {
    std::vector<std::string>& names = groups.emplace_back();
    for (const Json& name : as_list(group, "a group")) names.push_back(as_text(name, "a name of a group"));
  }
  return groups;
}

report::StepRoute route_of(const Json& json, const Groups& groups, const std::string& baseline) {
  report::StepRoute route{.name = text_at(json, "name")};
  if (const auto reason = text_of(json, "reason")) {
    route.reason = reason->empty() ? "no reason is told" : *reason;
    return route;
  }
  route.ms = positive(json, "median_ms");
  route.quartiles = quartiles_of(json, route.ms);
  route.ratio = known(json, "ratio") ? positive(json, "ratio") : 0;
  route.group = static_cast<std::size_t>(as_whole(member(json, "group"), "group"));
  if (route.group >= groups.size())
    throw Refused{fmt::format("{} is of group {}, of {}", route.name, route.group, groups.size())};
  route.is_beside_baseline = std::ranges::count(groups[route.group], baseline) > 0;
  route.operations = operations_of(json);
  route.host_ms = amount_of(json, "host_ms");
  route.first_call_s = amount_of(json, "first_call_s");
  route.tune_s = amount_of(json, "tune_s");
  route.peak_bytes = amount_of(json, "peak_bytes");
  route.sustained_ms = amount_of(json, "sustained_ms");
  route.watts = amount_of(json, "watts");
  route.joules = amount_of(json, "joules");
  route.error = amount_of(json, "error");
  route.psnr_db = number_of(json, "psnr_db");
  return route;
}

// ---- the model and the options ----

// "ideogram4 at 1024x1024, 2 blocks of each kind at most"
std::string describe_model(const Json& json, const Json& options) {
  std::string text = text_at(json, "model");
  const auto width = count_of(json, "width"), height = count_of(json, "height"), frames = count_of(json, "frames");
  if (width && height) text += fmt::format(" at {}x{}", *width, *height);
  if (frames && *frames != 1) text += ", " + text::counted(*frames, "frame");
  if (const auto layers = count_of(options, "layers"))
    text += fmt::format(", {} of each kind at most", text::counted(*layers, "block"));
  return text;
}

std::string describe_packages(const Json& json) {
  std::vector<std::string> parts;
  if (const Json* const packages = known(json, "packages"))
    for (const auto& [name, version] : as_object(*packages, "packages"))
      parts.push_back(version.is_null() ? name + " not installed"
                                        : fmt::format("{} {}", name, as_text(version, name.c_str())));
  return fmt::format("{}", fmt::join(parts, ", "));
}

using Facts = std::vector<std::pair<std::string, std::string>>;

Facts facts_of(const Json& json, const Json& options) {
  Facts facts;
  const auto add = [&](const char* name, const std::optional<std::string>& what) {
    if (what && !what->empty()) facts.emplace_back(name, *what);
  };
  add("GPU", text_of(json, "gpu").value_or("none: the CPU"));
  for (const auto& [name, key] :
       {std::pair{"Driver", "driver"}, {"CUDA", "cuda"}, {"PyTorch", "torch"}, {"ditune", "ditune"}})
    add(name, text_of(json, key));
  add("Packages", describe_packages(json));
  if (const auto parameters = amount_of(json, "parameters"))
    add("Parameters", fmt::format("{:.2f} billion", *parameters * 1e-9));
  if (const auto tokens = count_of(json, "tokens"))
    add("Tokens",
        fmt::format("{} of the image, {} of the text", *tokens, digits_of(json, "text_tokens").value_or("unknown")));
  if (const auto weights = text_of(options, "weights"))
    add("Weights", *weights == "folder" ? "read from a folder" : *weights);
  add("Attention masks", flag(options, "mask", true) ? "as diffusers makes them" : "left out where they are all true");
  add("Tuned first", flag(options, "tune", false) ? "yes" : "no");
  add("Rounds", digits_of(options, "rounds"));
  if (const auto seconds = amount_of(options, "sustained_s"))
    add("Watts", fmt::format("of {:g} s without a pause", *seconds));
  if (const auto steps = count_of(options, "steps"))
    add("PSNR", "of the latent after " + text::counted(*steps, "step"));
  return facts;
}

std::string command_of(const Json& json, const Json& options, const std::vector<report::StepRoute>& routes) {
  std::string line = "python -m ditune.bench " + shell_word(text_at(json, "model"));
  const auto add = [&](const char* option, const std::optional<std::string>& value) {
    if (value) line += fmt::format(" {} {}", option, shell_word(*value));
  };
  const auto width = digits_of(json, "width"), height = digits_of(json, "height");
  if (width && height) add("--resolution", fmt::format("{}x{}", *width, *height));
  if (const auto frames = digits_of(json, "frames"); frames != "1") add("--frames", frames);
  add("--text", digits_of(json, "text_tokens"));
  std::vector<std::string> names;
  for (const report::StepRoute& route : routes) names.push_back(route.name);
  add("--routes", fmt::format("{}", fmt::join(names, ",")));
  add("--layers", digits_of(options, "layers"));
  if (text_of(options, "weights") == "folder") line += " --weights FOLDER";
  if (!flag(options, "mask", true)) line += " --no-mask";
  if (flag(options, "tune", false)) line += " --tune";
  add("--rounds", digits_of(options, "rounds"));
  add("--steps", digits_of(options, "steps"));
  if (const auto seconds = amount_of(options, "sustained_s")) add("--sustained", fmt::format("{:g}", *seconds));
  return line + (text_of(json, "gpu") ? "" : " --device cpu") + " --json step.json";
}

void check_format(const Json& json) {
  if (!json.is_object() || text_of(json, "format") != "ditune.bench")
    throw Refused{"it is neither an array nor of the format ditune.bench"};
  const auto version = as_whole(member(json, "version"), "version");
  if (version != kVersion) throw Refused{fmt::format("its version is {}, and {} is known", version, kVersion)};
}

}  // namespace

report::StepBenchmark step_benchmark_of(const Json& json, const std::string& file) {
  check_format(json);
  const Json& options = member(json, "options");
  as_object(options, "options");
  report::StepBenchmark steps{.file = file, .model = describe_model(json, options)};
  steps.gpu = text_of(json, "gpu").value_or("");
  steps.baseline = text_of(json, "baseline").value_or("");
  steps.has_random_weights = text_of(options, "weights") == "random";
  const Groups groups = groups_of(json);
  for (const Json& route : list_at(json, "routes")) steps.routes.push_back(route_of(route, groups, steps.baseline));
  const auto is_baseline = [&](const report::StepRoute& r) { return r.name == steps.baseline && r.reason.empty(); };
  if (!steps.baseline.empty() && std::ranges::none_of(steps.routes, is_baseline))
    throw Refused{fmt::format("its baseline {} has no time", steps.baseline)};
  // The format has null for the infinite PSNR of equal latents, and for one that was not computed.
  const bool has_latents = number_of(options, "steps").value_or(0) > 0;
  for (report::StepRoute& route : steps.routes)
    route.is_same_latent = has_latents && !route.psnr_db && route.error == 0.0;
  steps.facts = facts_of(json, options);
  steps.command = command_of(json, options, steps.routes);
  return steps;
}

}  // namespace ditune::cli
