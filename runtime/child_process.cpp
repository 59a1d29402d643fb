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

const std::string& PipedChild::end() {
  if (pid_ == 0) return ending_;
  ::kill(-pid_, SIGKILL);  // with what it started; one that has ended keeps the status it ended with
  const std::optional<int> status = wait_for(std::exchange(pid_, 0));
  if (!status)
    ending_ = "ended";
  else if (WIFSIGNALED(*status))
    ending_ = "crashed (signal " + std::to_string(WTERMSIG(*status)) + ")";
  else
    ending_ = "ended with status " + std::to_string(WEXITSTATUS(*status));
  return ending_;
}

}  // namespace ditune
