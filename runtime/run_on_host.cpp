// SPDX-License-Identifier: Apache-2.0
#include "ditune/run_on_host.hpp"

#include <string>

#include "ditune/error.hpp"
#include "generator/arguments.hpp"
#include "runtime/gemm_s8/host_gemm.hpp"
#include "runtime/quantize_s8/host_quantize.hpp"

namespace ditune {
namespace {

std::size_t checked_threads(int threads) {
  if (threads < 0 || threads > kMaxHostThreads)
    throw UsageError("threads = " + std::to_string(threads) + " is out of range",
                     "give 1 to " + std::to_string(kMaxHostThreads) + ", or 0 for as many as the machine has");
  return static_cast<std::size_t>(threads);
}

}  // namespace

void run_on_host(const FusedGemmArgs& args, const Epilogue& epilogue, int threads) {
  const std::size_t count = checked_threads(threads);
  check_on_host(Gemm{.m = args.m, .n = args.n, .k = args.k, .epilogue = epilogue}, args);
  host_gemm(args, epilogue, count);
}

void run_on_host(const QuantizeArgs& args, const Prologue& prologue, int threads) {
  const std::size_t count = checked_threads(threads);
  check_on_host(Quantize{.m = args.m, .k = args.k, .prologue = prologue}, args);
  host_quantize(args, prologue, count);
}

}  // namespace ditune
