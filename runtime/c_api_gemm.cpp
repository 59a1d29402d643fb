// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8 in the C ABI.
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/c_api_calls.hpp"

namespace ditune::c_api {

Gemm asked(const ditune_problem* from) {
  const ditune_problem p = read(from, "problem", offsetof(ditune_problem, from));
  if (p.from < 0 || p.from > kMaxExtent)
    throw UsageError("from is " + std::to_string(p.from), "give the first column of the op");
  const Gemm gemm{.m = p.m,
                  .n = p.n,
                  .k = p.k,
                  .epilogue = {.sx = word<ScaleX>(p.sx, "sx"),
                               .sw = word<ScaleW>(p.sw, "sw"),
                               .bias = word<Bias>(p.bias, "bias"),
                               .op = word<EpilogueOp>(p.op, "op"),
                               .from = static_cast<int>(p.from),
                               .residual = word<Residual>(p.residual, "residual"),
                               .gate = word<Gate>(p.gate, "gate"),
                               .out = word<Output>(p.out, "out")}};
  validate(gemm);
  return gemm;
}

FusedGemmArgs arguments(const ditune_args* from, const Gemm& gemm) {
  const ditune_args a = read(from, "args", offsetof(ditune_args, r));
  FusedGemmArgs args{};
  args.x = static_cast<const signed char*>(a.x), args.w = static_cast<const signed char*>(a.w), args.y = a.y;
  args.sx = static_cast<const float*>(a.sx), args.sw = static_cast<const float*>(a.sw);
  args.bias = a.bias, args.workspace = a.workspace;
  args.m = gemm.m, args.n = gemm.n, args.k = gemm.k;
  args.ldx = a.ldx, args.ldw = a.ldw, args.ldy = a.ldy;
  args.r = a.r, args.g = a.g, args.gate_index = a.gate_index;
  args.ldr = a.ldr, args.ldg = a.ldg;
  args.gates = a.gates, args.rows_per_gate = a.rows_per_gate;
  return args;
}

ditune_problem words(const Gemm& gemm) {
  ditune_problem problem{};
  problem.size = sizeof problem;
  problem.m = gemm.m;
  problem.n = gemm.n;
  problem.k = gemm.k;
  problem.sx = static_cast<std::int32_t>(gemm.epilogue.sx);
  problem.sw = static_cast<std::int32_t>(gemm.epilogue.sw);
  problem.bias = static_cast<std::int32_t>(gemm.epilogue.bias);
  problem.op = static_cast<std::int32_t>(gemm.epilogue.op);
  problem.out = static_cast<std::int32_t>(gemm.epilogue.out);
  problem.from = gemm.epilogue.from;
  problem.residual = static_cast<std::int32_t>(gemm.epilogue.residual);
  problem.gate = static_cast<std::int32_t>(gemm.epilogue.gate);
  return problem;
}

}  // namespace ditune::c_api

using namespace ditune;

ditune_status ditune_lookup(ditune_runtime runtime, const ditune_device* device, const ditune_problem* problem,
                            ditune_kernel_info* info) {
  return c_api::lookup(runtime, device, problem, info);
}

ditune_status ditune_prepare(ditune_runtime runtime, int32_t device, const ditune_problem* problem,
                             ditune_kernel* kernel) {
  return c_api::prepare(runtime, device, problem, kernel);
}

ditune_status ditune_launch(ditune_kernel kernel, const ditune_args* args, void* stream) {
  return c_api::launch<Gemm>(kernel, args, stream);
}

ditune_status ditune_run(ditune_runtime runtime, int32_t device, const ditune_problem* problem, const ditune_args* args,
                         void* stream) {
  return c_api::run<&Gemm::epilogue>(runtime, device, problem, args, stream);
}

ditune_status ditune_run_on_host(const ditune_problem* problem, const ditune_args* args, int32_t threads) {
  return c_api::run_on_host<&Gemm::epilogue>(problem, args, threads);
}

ditune_status ditune_format(const ditune_problem* problem, char* text, size_t size) {
  return c_api::format(problem, text, size);
}

ditune_status ditune_interleave(const void* gate, const void* up, void* both, int64_t rows, int64_t row_bytes) {
  return c_api::guarded([&] {
    const auto* const from_gate = static_cast<const std::byte*>(gate);
    const auto* const from_up = static_cast<const std::byte*>(up);
    auto* const to = static_cast<std::byte*>(both);
    if (!gate || !up || !both) throw UsageError("gate, up or both is null", "pass its address");
    if (rows < 1 || row_bytes < 1 || rows > PTRDIFF_MAX / row_bytes / 2)
      throw UsageError("rows and row_bytes are " + std::to_string(rows) + " and " + std::to_string(row_bytes),
                       "give the size of gate and of up");
    interleave({from_gate, static_cast<std::size_t>(rows * row_bytes)},
               {from_up, static_cast<std::size_t>(rows * row_bytes)},
               {to, static_cast<std::size_t>(2 * rows * row_bytes)}, static_cast<std::size_t>(row_bytes));
  });
}
