// SPDX-License-Identifier: Apache-2.0
// A user's file of problems: refused, or legal problems, which are the same in a plain list of them.
#include "models/problem_list.hpp"

#include <fmt/format.h>

#include "fuzz.hpp"

using namespace ditune;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Epilogue otherwise{.bias = Bias::bf16};
  const auto problems =
      fuzz::accepted([&] { return read_problem_list(fuzz::text_of(data, size), "list.csv", otherwise); });
  if (!problems) return 0;
  fuzz::require(!problems->empty(), "a list has problems");
  std::string plain = "m,n,k,epilogue\n";
  for (const Operation& operation : *problems) {
    validate(operation);  // a listed problem is legal
    if (const Gemm* const gemm = std::get_if<Gemm>(&operation))
      plain += fmt::format("{},{},{},\"{}\"\n", gemm->m, gemm->n, gemm->k, format(gemm->epilogue));
    else
      plain += format(operation) + "\n";
  }
  const auto again = read_problem_list(plain, "list.csv", {});
  fuzz::require(*problems == again, "a list is the same when it is written plainly");
  return 0;
}
