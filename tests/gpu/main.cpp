// SPDX-License-Identifier: Apache-2.0
// Catch2's main for the tests that need a GPU; without one it says so and asks ctest to count it as skipped. Started as
// `test_gpu worker [CONFIG...]` it is the worker of fault_test.cpp.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "faults.hpp"
#include "runtime/cuda.hpp"

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape): what is thrown ends the run
  if (argc > 1 && std::string_view(argv[1]) == "worker")
    ditune::test::be_faulty_worker(std::vector<std::string>(argv + 2, argv + argc));
  constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in tests/CMakeLists.txt
  if (ditune::device_count() == 0) {
    std::puts("skipped: no CUDA device");
    return kSkipped;
  }
  return Catch::Session().run(argc, argv);
}
