// SPDX-License-Identifier: Apache-2.0
#include "runtime/child_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace ditune {
namespace {

void check(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

class FileActions {
 public:
  FileActions() { check(posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init"); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  void open(int descriptor, const char* path, int flags) {
    check(posix_spawn_file_actions_addopen(&actions_, descriptor, path, flags, 0), path);
  }
  void duplicate(int from, int to) { check(posix_spawn_file_actions_adddup2(&actions_, from, to), "dup2"); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  Attributes() { check(posix_spawnattr_init(&attributes_), "posix_spawnattr_init"); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  void own_process_group() {
    check(posix_spawnattr_setpgroup(&attributes_, 0), "posix_spawnattr_setpgroup");
    check(posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP), "posix_spawnattr_setflags");
  }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// Closed in children that other threads start meanwhile.
class Pipe {
 public:
  Pipe() { check(pipe2(ends_.data(), O_CLOEXEC) == 0 ? 0 : errno, "pipe2"); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    close_writer();
  }
  int writer() const { return ends_[1]; }
  void close_writer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  // Up to the end of what is written; what is more than `limit` bytes is dropped, so that no writer waits for ever.
  std::string read_all(std::size_t limit) const {
    std::string text;
    std::array<char, 16384> chunk;
    while (true) {
      const ssize_t count = ::read(ends_[0], chunk.data(), chunk.size());
      if (count == 0) return text;
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) check(errno, "read");
      text.append(chunk.data(), std::min(static_cast<std::size_t>(count), limit - text.size()));
    }
  }

 private:
  std::array<int, 2> ends_{-1, -1};  // read, write
};

// As waitpid tells it; nothing if it cannot be told: where SIGCHLD is ignored no status is kept.
std::optional<int> wait_for(pid_t pid) {
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(pid, &status, 0)) < 0 && errno == EINTR) continue;
  return ended < 0 ? std::nullopt : std::optional(status);
}

// Whether it ends within `patience` without being asked to. Its status is kept for wait_for.
bool ends_by_itself(pid_t pid, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    siginfo_t info = {};
    const bool is_told = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0;
    if (!is_told || info.si_pid == pid) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Ending ending_of(std::optional<int> status) {
  if (!status) return {Ending::How::unknown, 0};
  if (!WIFSIGNALED(*status)) return {Ending::How::exited, WEXITSTATUS(*status)};
  const int signal = WTERMSIG(*status);
  return {is_crash_signal(signal) ? Ending::How::crashed : Ending::How::killed, signal};
}

// Waited for in any case: none stays behind as a zombie.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) wait();
  }
  std::optional<int> wait() {
    const std::optional<int> status = wait_for(std::exchange(pid_, 0));
    if (!status) return std::nullopt;
    return WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
  }

 private:
  pid_t pid_;
};

// This program's environment, in English.
std::vector<char*> child_environment() {
  static char english[] = "LC_ALL=C";
  std::vector<char*> variables = {english};
  for (char** variable = environ; *variable; ++variable)
    if (!std::string_view(*variable).starts_with("LC_ALL=")) variables.push_back(*variable);
  variables.push_back(nullptr);
  return variables;
}

std::vector<char*> argument_list(std::span<const std::string> words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // execvp's old type
  arguments.push_back(nullptr);
  return arguments;
}

}  // namespace

ChildResult run_child(std::span<const std::string> words) {
  const std::vector<char*> arguments = argument_list(words);
  Pipe pipe;
  FileActions actions;
  actions.open(STDIN_FILENO, "/dev/null", O_RDONLY);
  actions.duplicate(pipe.writer(), STDOUT_FILENO);
  actions.duplicate(pipe.writer(), STDERR_FILENO);
  pid_t pid = 0;
  check(posix_spawnp(&pid, arguments[0], actions.get(), nullptr, arguments.data(), child_environment().data()),
        arguments[0]);
  Child child(pid);
  pipe.close_writer();
  ChildResult result;
  result.output = pipe.read_all(kChildOutputBytes);
  const std::optional<int> status = child.wait();
  check(status ? 0 : errno, arguments[0]);
  result.status = *status;
  return result;
}

bool is_crash_signal(int signal) {
  constexpr std::array kCrashes = {SIGSEGV, SIGABRT, SIGILL, SIGBUS, SIGFPE, SIGSYS, SIGTRAP};
  return std::ranges::find(kCrashes, signal) != kCrashes.end();
}

std::string format(const Ending& ending) {
  const std::string number = std::to_string(ending.number);
  switch (ending.how) {
    case Ending::How::exited:
      return "ended with status " + number;
    case Ending::How::crashed:
      return "crashed (signal " + number + ")";
    case Ending::How::killed:
      return "was killed (signal " + number + ")";
    case Ending::How::stopped:
      return "was stopped";
    case Ending::How::unknown:
      break;
  }
  return "ended";
}

PipedChild::PipedChild(std::span<const std::string> words) {
  std::array<int, 2> ends{-1, -1};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0 ? 0 : errno, "socketpair");
  socket_ = ends[0];
  int error = 0;
  try {
    FileActions actions;
    actions.duplicate(ends[1], STDIN_FILENO);
    actions.duplicate(ends[1], STDOUT_FILENO);
    Attributes attributes;
    attributes.own_process_group();
    const std::vector<char*> arguments = argument_list(words);
    error = posix_spawnp(&pid_, arguments[0], actions.get(), attributes.get(), arguments.data(), environ);
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  ::close(ends[1]);
  if (error == 0) return;
  ::close(socket_);
  check(error, words[0].c_str());
}

PipedChild::~PipedChild() {
  end();
  ::close(socket_);
}

const Ending& PipedChild::end(std::chrono::milliseconds patience) {
  if (pid_ == 0) return ending_;
  const bool stops = !ends_by_itself(pid_, patience);
  ::kill(-pid_, SIGKILL);  // with what it started; one that has ended keeps the status it ended with
  ending_ = ending_of(wait_for(std::exchange(pid_, 0)));
  if (stops && ending_.how == Ending::How::killed && ending_.number == SIGKILL) ending_ = {Ending::How::stopped, 0};
  return ending_;
}

}  // namespace ditune
