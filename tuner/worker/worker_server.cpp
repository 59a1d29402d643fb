// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "ditune/error.hpp"
#include "tuner/worker/device_lost.hpp"
#include "tuner/worker/worker.hpp"
#include "tuner/worker/worker_messages.hpp"

namespace ditune {
namespace {

// The parent is gone or has lost its head: nobody waits for what this process is at.
[[noreturn]] void leave() { std::_Exit(EXIT_FAILURE); }

// Messages to the parent, from any thread.
class Outbox {
 public:
  void send(const Message& message) {
    const std::string bytes = frame(message);
    const std::scoped_lock lock(mutex_);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t count = ::write(descriptor_, bytes.data() + sent, bytes.size() - sent);
      if (count < 0 && errno != EINTR) leave();
      if (count > 0) sent += static_cast<std::size_t>(count);
    }
  }

 private:
  // From now on whatever prints writes to standard error instead.
  static int take_standard_output() {
    const int taken = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (taken < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) leave();
    return taken;
  }

  const int descriptor_ = take_standard_output();
  std::mutex mutex_;
};

// Requests in the order they come. They are read while another one is at work, so that the end of input is seen then.
class Inbox {
 public:
  Inbox() : thread_([this] { read(); }) {}

  Message next() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return !requests_.empty(); });
    Message request = std::move(requests_.front());
    requests_.pop_front();
    return request;
  }

 private:
  void read() {
    FrameReader frames;
    std::array<char, 16384> chunk;
    while (true) {
      const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) leave();
      frames.add({chunk.data(), static_cast<std::size_t>(count)});
      try {
        while (std::optional<Message> request = frames.next()) push(*std::move(request));
      } catch (const Error&) {
        leave();
      }
    }
  }

  void push(Message request) {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(std::move(request));
    came_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Message> requests_;
  std::jthread thread_;  // last: it uses the others
};

Message error_message(std::string_view kind, const std::exception& error) {
  return {{"is", "error"}, {"kind", kind}, {"what", error.what()}};
}

// The answer of `work`, or what it threw.
template <class Work>
Message answer_of(Work&& work) {
  try {
    return {{"is", "answer"}, {"value", work()}};
  } catch (const DeviceLost& error) {
    return {{"is", "lost"}, {"reason", error.reason()}};
  } catch (const CudaError& error) {
    return error_message("cuda", error);
  } catch (const NvrtcError& error) {
    return error_message("nvrtc", error);
  } catch (const UsageError& error) {
    return error_message("usage", error);
  } catch (const std::exception& error) {
    return error_message("other", error);
  }
}

Message run(const Message& request, const TuneBackend& backend) {
  const auto call = request.at("call").get<std::string>();
  if (call == "provenance") return write(backend.provenance ? backend.provenance() : Provenance{});
  if (call == "remarks") return backend.remarks ? backend.remarks() : std::vector<std::string>();
  const Target target = read_target(request.at("target"));
  const std::vector<KernelConfig> configs = read_configs(request.at("configs"));
  if (call == "measure") return write(backend.measure(target, configs, request.at("effort").get<Effort>()));
  if (call == "compile") return write(backend.compile(target, configs));
  if (call == "cubin") return write_bytes(backend.cubin ? backend.cubin(target, configs.at(0)) : std::string());
  if (call == "prepare" && backend.prepare) backend.prepare(target, configs);
  return {};
}

}  // namespace

void serve_worker(const MakeBackend& make) {
  Outbox outbox;
  Inbox inbox;
  const Watcher watcher{
      .compiling =
          [&](const std::string& key, bool begins) {
            outbox.send({{"is", "compiling"}, {"key", key}, {"begins", begins}});
          },
      .running =
          [&](const std::vector<std::string>& keys) {
            outbox.send({{"is", "running"}, {"keys", keys}});
          },
  };
  TuneBackend backend;
  const Message first = answer_of([&] {
    backend = make(watcher);
    return Message("ready");
  });
  outbox.send(first);
  // Without a backend there is nothing to answer with. The parent may have sent its first request already; an answer to
  // that would be taken for one to its next.
  if (first.at("is") != "answer") leave();
  while (true) {
    const Message request = inbox.next();
    outbox.send(answer_of([&] { return run(request, backend); }));
  }
}

}  // namespace ditune
