// SPDX-License-Identifier: Apache-2.0
#include "tuner/worker/killed.hpp"

#include "catch.hpp"

using namespace ditune;

TEST_CASE("a kill from outside is told from a crash by its signal, in the words of older databases, too") {
  for (const char* failure :
       {"the compiler was killed (signal 9)", "the compiler crashed (signal 9)", "the compiler was killed (signal 15)",
        "the process that ran it was killed (signal 9)", "the process that ran it crashed (signal 1)"})
    CHECK(was_killed(failure));
  for (const char* failure :
       {"", "the compiler crashed (signal 11)", "the compiler crashed (signal 6)", "the compiler crashed (signal 4)",
        "the process that ran it crashed (signal 7)", "the process that ran it crashed (signal 8)",
        "the process that ran it ended with status 9", "the process that ran it closed its output",
        "did not end within 20 s", "error: a comment (signal 9)", "the compiler crashed (signal )",
        "the compiler crashed (signal 9", "the compiler crashed (signal 900)"})
    CHECK_FALSE(was_killed(failure));
}
