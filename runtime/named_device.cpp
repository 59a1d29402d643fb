// SPDX-License-Identifier: Apache-2.0
#include "runtime/named_device.hpp"

#include <fmt/format.h>

#include <string>

#include "ditune/error.hpp"
#include "lookup/serving.hpp"

namespace ditune {
namespace {

constexpr int kMostSms = 65535;  // far more than any GPU has

void require_range(const char* name, int value, int most) {
  if (value < 0 || value > most)
    throw UsageError(fmt::format("the device's {} is {}", name, value), fmt::format("use 0 to {}", most));
}

const DeviceInfo& known(std::string_view name) {
  try {
    return find_device(name);
  } catch (const UsageError&) {
    throw UsageError(fmt::format("the name '{}' alone is that of no known GPU", name),
                     "set its arch and sms, too, as its driver has them");
  }
}

}  // namespace

DeviceInfo named_device(std::string_view name, int arch, int sms) {
  require_range("arch", arch, 9999);
  require_range("sms", sms, kMostSms);
  if (name.empty() && arch == 0)
    throw UsageError("the device has neither a name nor an arch", "set one of them, or both");
  const SmArch its_arch{arch};
  if (arch != 0) static_cast<void>(runs_as(its_arch));  // throws for one that is too old
  if (!name.empty() && arch != 0 && sms != 0) return device_of({std::string(name), sms, its_arch});
  if (name.empty()) {
    const DeviceInfo& card = reference_device(runs_as(its_arch));
    return device_of({card.name, sms != 0 ? sms : card.sms, its_arch});
  }
  const DeviceInfo& device = known(name);
  if (arch != 0 && its_arch != device.arch)
    throw UsageError(fmt::format("{} is {}, not {}", device.name, format(device.arch), format(its_arch)),
                     "set the name or the arch alone");
  if (sms != 0 && sms != device.sms)
    throw UsageError(fmt::format("{} has {} SMs, not {}", device.name, device.sms, sms), "set its arch, too");
  return device;
}

}  // namespace ditune
