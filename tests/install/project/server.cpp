// SPDX-License-Identifier: Apache-2.0
// Looks a kernel up, which needs no GPU, and opens the runtime, which needs none either until it launches.
#include <ditune/error.hpp>
#include <ditune/library.hpp>
#include <ditune/runtime.hpp>
#include <exception>
#include <iostream>

int main() {
  try {
    const ditune::Gemm problem{.m = 1000, .n = 3072, .k = 3072};
    const ditune::Library library(ditune::read_records({}));
    const auto found = library.lookup(problem, ditune::find_device("RTX 3090"));
    std::cout << format(found.match) << ": " << format(found.config) << ", " << found.plan.grid << " CTAs\n";

    const ditune::Runtime runtime(ditune::RuntimeOptions{});
    try {
      runtime.prepare(problem, 0);
      std::cout << "prepared\n";
    } catch (const ditune::UsageError& error) {
      std::cout << error.what() << "\n";
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "server: " << error.what() << "\n";
    return 1;
  }
}
