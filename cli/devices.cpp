// SPDX-License-Identifier: Apache-2.0
// ditune devices: the GPUs that are here, or those that --gpu knows.
#include "cli/command.hpp"
#include "cli/output.hpp"
#include "ditune/device.hpp"
#include "ditune/error.hpp"
#include "runtime/cuda.hpp"

namespace ditune::cli {
namespace {

struct DevicesFlags {
  bool known = false;
};

std::vector<std::string> cells(const DeviceInfo& device) {
  return {device.name,
          format(device.arch),
          std::to_string(device.sms),
          number(device.sm_clock_mhz),
          number(device.dram_gbps),
          number(static_cast<double>(device.l2_bytes) / (1 << 20))};
}

Table device_table() {
  return Table({{"GPU", Align::right},
                {"NAME"},
                {"ARCH"},
                {"SMS", Align::right},
                {"MHZ", Align::right},
                {"GB/S", Align::right},
                {"L2 MIB", Align::right}});
}

// A GPU that is too old has its row, too: the others are there all the same.
std::vector<std::string> visible_cells(int ordinal) {
  try {
    return cells(device_info(ordinal));
  } catch (const UsageError& error) {
    return {error.what(), "-", "-", "-", "-", "-"};
  }
}

ExitCode devices(const DevicesFlags& options) {
  Table table = device_table();
  const auto add = [&](const std::string& number, std::vector<std::string> row) {
    row.insert(row.begin(), number);
    table.add(row);
  };
  if (options.known)
    for (const DeviceInfo& device : known_devices()) add("", cells(device));
  else
    for (int ordinal = 0; ordinal < device_count(); ++ordinal) add(std::to_string(ordinal), visible_cells(ordinal));
  if (!table.empty())
    print(table);
  else
    print_message("no GPU here: --gpu NAME and --arch sm_XX stand for one (ditune devices --known lists them)");
  return kDone;
}

}  // namespace

void add_devices(CLI::App& app, Run& run) {
  const Command<DevicesFlags> command(app, run, "devices", "the GPUs that are here", devices);
  command.app->add_flag("--known", command.options->known, "those that can be named with --gpu instead");
}

}  // namespace ditune::cli
