// SPDX-License-Identifier: Apache-2.0
// A GPU that need not be here, by what a caller tells of it.
#pragma once

#include <string_view>

#include "ditune/device.hpp"

namespace ditune {

// `name`, `arch` (86 is sm_86) and `sms` as the GPU's driver has them. What is "" or 0 is that of the known GPU of that
// name (find_device), or of the card that stands for the arch. Throws UsageError if that names no GPU.
DeviceInfo named_device(std::string_view name, int arch, int sms);

}  // namespace ditune
