// SPDX-License-Identifier: Apache-2.0
#include "tuner/worker/worker_process.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "ditune/error.hpp"
#include "tuner/worker/killed.hpp"

namespace ditune {
namespace {

using std::chrono::milliseconds;

[[noreturn]] void rethrow(const Message& message) {
  const auto kind = message.at("kind").get<std::string>();
  const auto what = message.at("what").get<std::string>();  // the remedy is in it
  if (kind == "cuda") throw CudaError(what, "");
  if (kind == "nvrtc") throw NvrtcError(what, "");
  if (kind == "usage") throw UsageError(what, "");
  throw Error(what, "");
}

std::string within(milliseconds limit) {
  return fmt::format("did not end within {:.0f} s", std::chrono::duration<double>(limit).count());
}

}  // namespace

std::variant<Message, Breakdown> WorkerProcess::ask(const Message& request, const Limits& limits) {
  heard_ = Clock::now();
  running_.clear();
  send(frame(request));
  try {
    return wait(limits);
  } catch (const nlohmann::json::exception&) {
    return broken();
  }
}

// What cannot be sent is not needed: a worker that does not read has ended, which is found next.
void WorkerProcess::send(const std::string& bytes) const {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::send(child_.socket(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return;
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
}

std::variant<Message, Breakdown> WorkerProcess::wait(const Limits& limits) {
  while (true) {
    std::optional<Message> message;
    try {
      message = frames_.next();
    } catch (const Error&) {
      return broken();
    }
    if (message) {
      auto taken = take(*message);
      if (auto* answer = std::get_if<Message>(&taken)) return std::move(*answer);
      if (auto* breakdown = std::get_if<Breakdown>(&taken)) return std::move(*breakdown);
      continue;
    }
    const Clock::time_point until = patience(limits);
    const Clock::time_point heard = heard_;
    if (!read(until)) return ended(limits);
    if (heard_ == heard && Clock::now() >= until) return overdue(limits);
  }
}

bool WorkerProcess::read(Clock::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
  pollfd socket{child_.socket(), POLLIN, 0};
  const int ready = ::poll(&socket, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
  if (ready <= 0) return true;  // nothing came, or a signal did
  std::array<char, 65536> chunk;
  const ssize_t count = ::recv(child_.socket(), chunk.data(), chunk.size(), 0);
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  frames_.add({chunk.data(), static_cast<std::size_t>(count)});
  heard_ = Clock::now();
  return true;
}

std::variant<std::monostate, Message, Breakdown> WorkerProcess::take(const Message& message) {
  const auto is = message.at("is").get<std::string>();
  if (is == "compiling") {
    const auto key = message.at("key").get<std::string>();
    if (message.at("begins").get<bool>())
      compiling_[key] = heard_;
    else
      compiling_.erase(key);
  } else if (is == "running") {
    message.at("keys").get_to(running_);
    ran_ = heard_;
  } else if (is == "lost") {
    child_.end();
    compiling_.clear();  // not to blame for what the device says
    Breakdown breakdown = accuse_all("lost the device");
    for (auto& [suspect, reason] : breakdown.suspects) message.at("reason").get_to(reason);
    return breakdown;
  } else if (is == "error") {
    if (!ready_) child_.end();
    rethrow(message);
  } else if (ready_) {
    return message.at("value");
  } else {  // the first answer: it has a backend
    ready_ = true;
    compiling_.clear();
    running_.clear();
  }
  return std::monostate();
}

// Until when something must have been heard.
WorkerProcess::Clock::time_point WorkerProcess::patience(const Limits& limits) const {
  if (!ready_ || (compiling_.empty() && running_.empty())) return heard_ + limits.silence;
  Clock::time_point until = running_.empty() ? Clock::time_point::max() : ran_ + limits.run;
  for (const auto& [key, since] : compiling_) until = std::min(until, since + limits.compile);
  return until;
}

Breakdown WorkerProcess::overdue(const Limits& limits) {
  child_.end();
  Breakdown breakdown{"the worker was silent for too long", {}};
  if (!ready_) return breakdown;
  for (const auto& [key, since] : compiling_)
    if (Clock::now() >= since + limits.compile)
      breakdown.suspects[{Suspect::Stage::compile, key}] = "its compilation " + within(limits.compile);
  if (Clock::now() >= ran_ + limits.run)
    for (const std::string& key : running_) breakdown.suspects[{Suspect::Stage::run, key}] = within(limits.run);
  return breakdown;
}

Breakdown WorkerProcess::ended(const Limits& limits) {
  const Ending& ending = child_.end(limits.end);
  Breakdown breakdown = accuse_all(ending.how == Ending::How::stopped ? "closed its output" : format(ending));
  breakdown.is_kill = ending.how == Ending::How::killed;
  return breakdown;
}

Breakdown WorkerProcess::broken() {
  child_.end();
  return accuse_all("wrote what is no message");
}

Breakdown WorkerProcess::accuse_all(const std::string& what) const {
  Breakdown breakdown{"the worker " + what, {}};
  if (!ready_) return breakdown;
  for (const auto& [key, since] : compiling_)
    breakdown.suspects[{Suspect::Stage::compile, key}] = std::string(kCompilerLost) + what;
  for (const std::string& key : running_)
    breakdown.suspects[{Suspect::Stage::run, key}] = std::string(kRunnerLost) + what;
  return breakdown;
}

}  // namespace ditune
