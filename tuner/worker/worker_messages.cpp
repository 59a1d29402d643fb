// SPDX-License-Identifier: Apache-2.0
#include "tuner/worker/worker_messages.hpp"

#include <cstdint>
#include <tuple>
#include <type_traits>

#include "ditune/error.hpp"
#include "ditune/members.hpp"

namespace ditune {
namespace {

// Before each message: a mark, which nothing that is printed by mistake begins with, and the number of bytes.
constexpr std::string_view kMark = "\xD1\x74\x77\x01";
constexpr std::size_t kHeaderBytes = kMark.size() + 4;

// A plain struct travels as the array of its members.
template <class T>
Message to_message(const T& value) {
  if constexpr (std::is_aggregate_v<T>)
    return std::apply([](const auto&... member) { return Message::array({to_message(member)...}); }, members(value));
  else
    return value;
}

template <class T>
void from_message(const Message& message, T& value) {
  if constexpr (std::is_aggregate_v<T>) {
    std::size_t i = 0;
    std::apply([&](auto&... member) { (from_message(message.at(i++), member), ...); }, members(value));
  } else {
    message.get_to(value);
  }
}

}  // namespace

std::string frame(const Message& message) {
  const std::vector<std::uint8_t> body = Message::to_cbor(message);
  if (body.size() > kMaxFrameBytes) throw Error("a message of " + std::to_string(body.size()) + " bytes", "");
  std::string bytes(kMark);
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(body.size() >> shift & 0xff);
  return bytes.append(body.begin(), body.end());
}

std::optional<Message> FrameReader::next() {
  const std::string_view mark = std::string_view(bytes_).substr(0, kMark.size());
  if (!kMark.starts_with(mark)) throw Error("no frame", "");
  if (bytes_.size() < kHeaderBytes) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i)
    size |= static_cast<std::size_t>(static_cast<unsigned char>(bytes_[kMark.size() + i])) << (8 * i);
  if (size > kMaxFrameBytes) throw Error("a frame of " + std::to_string(size) + " bytes", "");
  if (bytes_.size() < kHeaderBytes + size) return std::nullopt;
  const auto body = bytes_.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes);
  Message message = Message::from_cbor(body, body + static_cast<std::ptrdiff_t>(size), true, false);
  if (message.is_discarded()) throw Error("a frame that is no CBOR", "");
  bytes_.erase(0, kHeaderBytes + size);
  return message;
}

Message write(const Target& target) { return Message::array({format(target.operation), to_message(target.device)}); }

Target read_target(const Message& message) {
  Target target{parse_operation(message.at(0).get<std::string>()), {}};
  from_message(message.at(1), target.device);
  return target;
}

Message write(std::span<const KernelConfig> configs) {
  Message texts = Message::array();
  for (const KernelConfig& config : configs) texts.push_back(format(config));
  return texts;
}

std::vector<KernelConfig> read_configs(const Message& message) {
  std::vector<KernelConfig> configs;
  for (const Message& text : message) configs.push_back(parse_config(text.get<std::string>()));
  return configs;
}

Message write(const std::vector<Measurement>& measurements) {
  Message list = Message::array();
  for (const Measurement& measurement : measurements) list.push_back(to_message(measurement));
  return list;
}

std::vector<Measurement> read_measurements(const Message& message, std::size_t count) {
  std::vector<Measurement> measurements(count);
  for (std::size_t i = 0; i < count; ++i) from_message(message.at(i), measurements[i]);
  return measurements;
}

Message write(const Provenance& provenance) { return to_message(provenance); }

Provenance read_provenance(const Message& message) {
  Provenance provenance;
  from_message(message, provenance);
  return provenance;
}

Message write_bytes(const std::string& bytes) {
  return Message::binary(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

std::string read_bytes(const Message& message) {
  const auto& bytes = message.get_binary();
  return {bytes.begin(), bytes.end()};
}

}  // namespace ditune
