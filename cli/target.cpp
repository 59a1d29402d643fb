#include "cli/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "ditune/error.hpp"
#include "runtime/cuda.hpp"

namespace ditune::cli {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

ChosenTarget visible(int ordinal) { return {device_info(ordinal), ordinal}; }

ChosenTarget by_ordinal(int ordinal) {
  const int count = device_count();
  if (ordinal < 0 || ordinal >= count)
    throw UsageError(fmt::format("no GPU {}: {} visible", ordinal, count == 1 ? "1 is" : fmt::format("{} are", count)),
                     "ditune devices lists them; --gpu NAME or --arch sm_XX stand for one that is not here");
  return visible(ordinal);
}

// A card of the table that is also here is the one that is here.
ChosenTarget by_name(const std::string& name) {
  const int count = device_count();
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    const std::string seen = lower(device_info(ordinal).name);
    if (seen == lower(name)) return visible(ordinal);
  }
  const DeviceInfo& known = find_device(name);
  for (int ordinal = 0; ordinal < count; ++ordinal)
    if (device_info(ordinal).name == known.name) return visible(ordinal);
  return {known, std::nullopt};
}

}  // namespace

void add_target(CLI::App& app, TargetOptions& options) {
  CLI::Option* device = app.add_option("--device", options.ordinal, "the GPU of this number (see ditune devices)");
  CLI::Option* gpu = app.add_option("--gpu", options.gpu, "a GPU by name, here or not: \"RTX 3090\"");
  CLI::Option* arch = app.add_option("--arch", options.arch, "the reference card of an architecture: sm_86");
  device->excludes(gpu)->excludes(arch);
  gpu->excludes(arch);
}

ChosenTarget choose_target(const TargetOptions& options) {
  if (options.ordinal) return by_ordinal(*options.ordinal);
  if (!options.gpu.empty()) return by_name(options.gpu);
  if (!options.arch.empty()) return {reference_device(parse_arch(options.arch)), std::nullopt};
  if (device_count() == 0)
    throw UsageError("no GPU here", "name the one that is meant: --gpu \"RTX 3090\" or --arch sm_86");
  return visible(0);
}

VisibleTarget choose_visible(const TargetOptions& options) {
  ChosenTarget target = choose_target(options);
  if (!target.ordinal)
    throw UsageError(fmt::format("{} is not here", target.device.name),
                     "this needs a GPU: ditune devices lists those that are");
  return {std::move(target.device), *target.ordinal};
}

}  // namespace ditune::cli
