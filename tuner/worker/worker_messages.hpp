// SPDX-License-Identifier: Apache-2.0
// What a worker and its parent write to each other: CBOR in frames.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"

namespace ditune {

using Message = nlohmann::json;

inline constexpr std::size_t kMaxFrameBytes = std::size_t{64} << 20;

// Throws Error if the message is longer than kMaxFrameBytes.
std::string frame(const Message& message);

// Bytes as they come, to messages.
class FrameReader {
 public:
  void add(std::string_view bytes) { bytes_ += bytes; }
  // Nothing before a message is complete. Throws Error on what is no frame.
  std::optional<Message> next();

 private:
  std::string bytes_;
};

// What travels as the array of its fields, in their order. Reading throws nlohmann::json::exception or UsageError on
// anything else.
Message write(const Target& target);
Message write(std::span<const KernelConfig> configs);
Message write(const std::vector<Measurement>& measurements);
Message write(const Provenance& provenance);
Target read_target(const Message& message);
std::vector<KernelConfig> read_configs(const Message& message);
std::vector<Measurement> read_measurements(const Message& message, std::size_t count);
Provenance read_provenance(const Message& message);

// Any bytes.
Message write_bytes(const std::string& bytes);
std::string read_bytes(const Message& message);

}  // namespace ditune
