// SPDX-License-Identifier: Apache-2.0
// The kernels of an exported header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "db/export_header.hpp"
#include "ditune/config.hpp"

namespace ditune {

// Each once, in the order in which they are asked for.
class HeaderKernels {
 public:
  explicit HeaderKernels(const HeaderOptions& options) : options_(options) {}

  // Adds a kernel if it is not there yet; what the header calls a pointer to it. Throws UsageError if it has no cubin.
  std::string pointer_to(const TuningRecord& winner);
  std::string pointer_to_fallback(const KernelConfig& config, const Operation& operation);

  // The array `kernels` and the bytes that it refers to; empty if there are none.
  std::string text() const;

 private:
  std::string cubin(const TuningRecord& record) const;
  std::string pointer_to_source(const KernelConfig& config, const Operation& operation);
  std::string pointer_to_image(const std::string& name, const std::string& image);
  // Adds bytes_INDEX.
  void add_bytes(std::size_t index, std::string_view bytes);

  const HeaderOptions& options_;
  std::map<std::string, std::size_t> indices_;  // by what they are told apart by: the image, or the name of a source
  std::string bytes_, rows_;
};

}  // namespace ditune
