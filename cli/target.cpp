// SPDX-License-Identifier: Apache-2.0
#include "cli/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/values.hpp"
#include "ditune/error.hpp"
#include "runtime/cuda.hpp"

namespace ditune::cli {
namespace {

// Nothing for a GPU that is too old: the others are there all the same.
std::optional<DeviceInfo> supported(int ordinal) {
  try {
    return device_info(ordinal);
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

// The first visible one, by number, that is supported and does what `is_meant` asks.
template <class IsMeant>
std::optional<ChosenTarget> first_visible(IsMeant is_meant) {
  for (int ordinal = 0; ordinal < device_count(); ++ordinal)
    if (const auto device = supported(ordinal); device && is_meant(*device)) return ChosenTarget{*device, ordinal};
  return std::nullopt;
}

UsageError no_gpu() {
  return UsageError(device_count() == 0 ? "no GPU here" : "no supported GPU here",
                    "name the one that is meant: --gpu \"RTX 3090\" or --arch sm_86");
}

ChosenTarget by_ordinal(int ordinal) {
  const int count = device_count();
  if (ordinal >= count)
    throw UsageError(fmt::format("no GPU {}: {} visible", ordinal, count == 1 ? "1 is" : fmt::format("{} are", count)),
                     "ditune devices lists them; --gpu NAME or --arch sm_XX stand for one that is not here");
  return {device_info(ordinal), ordinal};
}

// A card of the table that is also here is the one that is here.
ChosenTarget by_name(const std::string& name) {
  const auto here = first_visible([&](const DeviceInfo& device) { return is_same_name(device.name, name); });
  if (here) return *here;
  const DeviceInfo& known = find_device(name);
  const auto known_here = first_visible([&](const DeviceInfo& device) { return device.name == known.name; });
  return known_here.value_or(ChosenTarget{known, std::nullopt});
}

TargetOptions of_device(const std::string& text) {
  TargetOptions options;
  options.all = text == "all";
  if (!options.all) options.ordinal = static_cast<int>(number_of("--device", {0, 999}, text));
  return options;
}

}  // namespace

void add_target(CLI::App& app, TargetOptions& options, Devices devices) {
  const auto take = [&options](const std::string& text) {
    const TargetOptions device = of_device(text);
    options.ordinal = device.ordinal;
    options.all = device.all;
  };
  const bool or_all = devices == Devices::or_all;
  const std::string description =
      fmt::format("the GPU of this number (see ditune devices){}", or_all ? ", or all that are here" : "");
  CLI::Option* device =
      app.add_option_function<std::string>("--device", take, description)->type_name(or_all ? "N|all" : "N");
  CLI::Option* gpu = app.add_option("--gpu", options.gpu, "a GPU by name, here or not: \"RTX 3090\"");
  CLI::Option* arch = app.add_option("--arch", options.arch,
                                     "the card that stands for an architecture, as one that is not here: sm_86");
  device->excludes(gpu)->excludes(arch);
  gpu->excludes(arch);
}

bool is_same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void add_targets(CLI::App& app, std::vector<TargetOptions>& targets) {
  const auto add = [&](const char* name, const char* description, auto of_text) {
    const auto take = [&targets, of_text](const std::vector<std::string>& texts) {
      for (const std::string& text : texts) targets.push_back(of_text(text));
    };
    return app.add_option_function<std::vector<std::string>>(name, take, description)->expected(1)->take_all();
  };
  add("--device", "the GPU of this number (see ditune devices), or all that are here; may be given again", of_device)
      ->type_name("N|all");
  add("--gpu", "a GPU by name, here or not: \"RTX 3090\"; may be given again",
      [](const std::string& text) { return TargetOptions{.gpu = text}; });
  add("--arch", "every GPU of an architecture: sm_86; may be given again",
      [](const std::string& text) { return TargetOptions{.arch = text}; });
}

ChosenTarget choose_target(const TargetOptions& options) {
  if (options.all) throw UsageError("--device all is for tune and export", "name one GPU: --device 0");
  if (options.ordinal) return by_ordinal(*options.ordinal);
  if (!options.gpu.empty()) return by_name(options.gpu);
  if (!options.arch.empty()) return {reference_device(parse_arch(options.arch)), std::nullopt};
  if (const auto first = first_visible([](const DeviceInfo&) { return true; })) return *first;
  throw no_gpu();
}

std::vector<ChosenTarget> choose_targets(const TargetOptions& options) {
  if (!options.all) return {choose_target(options)};
  std::vector<ChosenTarget> targets;
  for (int ordinal = 0; ordinal < device_count(); ++ordinal)
    if (const auto device = supported(ordinal)) targets.push_back({*device, ordinal});
  if (targets.empty()) throw no_gpu();
  return targets;
}

VisibleTarget choose_visible(const TargetOptions& options) {
  if (device_count() == 0) throw UsageError("this needs a GPU and none is here", "ditune doctor says what is missing");
  ChosenTarget target = choose_target(options);
  if (!target.ordinal)
    throw UsageError(fmt::format("{} is not here", target.device.name),
                     "this needs a GPU: ditune devices lists those that are");
  return {std::move(target.device), *target.ordinal};
}

}  // namespace ditune::cli
