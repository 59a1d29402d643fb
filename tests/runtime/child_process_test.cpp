// SPDX-License-Identifier: Apache-2.0
#include "runtime/child_process.hpp"

#include <csignal>
#include <system_error>
#include <vector>

#include "catch.hpp"

using namespace ditune;

namespace {

ChildResult run(std::vector<std::string> words) { return run_child(words); }

}  // namespace

TEST_CASE("What a child writes and what it exits with come back") {
  const ChildResult both = run({"sh", "-c", "echo out; echo err >&2; exit 7"});
  CHECK(both.output == "out\nerr\n");
  CHECK(both.status == 7);
  CHECK(run({"true"}).status == 0);
}

TEST_CASE("Words reach a child as they are") {
  CHECK(run({"printf", "%s|", "two words", "$HOME", "*", ""}).output == "two words|$HOME|*||");
}

TEST_CASE("A child reads nothing and speaks English") {
  CHECK(run({"cat"}).output.empty());
  CHECK(run({"sh", "-c", "echo $LC_ALL"}).output == "C\n");
}

TEST_CASE("A signal that ends a child is told as a shell tells it") {
  CHECK(run({"sh", "-c", "kill -TERM $$"}).status == 128 + SIGTERM);
}

TEST_CASE("Of a child that writes without end the beginning is kept") {
  const ChildResult much = run({"sh", "-c", "head -c 3000000 /dev/zero; exit 3"});
  CHECK(much.output.size() == kChildOutputBytes);
  CHECK(much.status == 3);
}

TEST_CASE("A program that is not there is an error with the loader's reason") {
  try {
    run({"no-such-program"});
    FAIL("ran");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::no_such_file_or_directory);
  }
}

TEST_CASE("How a program beside this one ended tells a crash, a kill from outside and a stop by this one apart") {
  const auto ending_of = [](const char* script, std::chrono::seconds patience) {
    const std::vector<std::string> words = {"sh", "-c", script};
    PipedChild child(words);
    return format(child.end(patience));
  };
  constexpr std::chrono::seconds kLong{60}, kNone{0};
  CHECK(ending_of("exit 3", kLong) == "ended with status 3");
  CHECK(ending_of("kill -SEGV $$", kLong) == "crashed (signal 11)");
  CHECK(ending_of("kill -ABRT $$", kLong) == "crashed (signal 6)");
  CHECK(ending_of("kill -KILL $$", kLong) == "was killed (signal 9)");
  CHECK(ending_of("kill -TERM $$", kLong) == "was killed (signal 15)");
  CHECK(ending_of("sleep 1000", kNone) == "was stopped");
}
