// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 in the C ABI.
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/c_api_calls.hpp"

namespace ditune::c_api {

Quantize asked(const ditune_quantize_problem* from) {
  const ditune_quantize_problem p = read(from, "problem", offsetof(ditune_quantize_problem, head));
  const Quantize quantize{.m = p.m,
                          .k = p.k,
                          .prologue = {.x = word<InputType>(p.x, "x"),
                                       .residual = word<Branch>(p.residual, "residual"),
                                       .norm = word<Norm>(p.norm, "norm"),
                                       .weight = word<NormWeight>(p.weight, "weight"),
                                       .bias = word<NormBias>(p.bias, "bias"),
                                       .modulate = word<Modulation>(p.modulate, "modulate"),
                                       .table = word<ModulationTable>(p.table, "table"),
                                       .act = word<Activation>(p.act, "act"),
                                       .split = p.split,
                                       .smooth = word<Smoothing>(p.smooth, "smooth"),
                                       .rotate = p.rotate == 0 ? 1 : p.rotate,
                                       .parameters = word<ParameterType>(p.parameters, "parameters"),
                                       .scale = word<QuantizedScale>(p.scale, "scale"),
                                       .out = word<QuantizedType>(p.out, "out"),
                                       .head = p.head,
                                       .rope = word<Rope>(p.rope, "rope")}};
  validate(quantize);
  return quantize;
}

QuantizeArgs arguments(const ditune_quantize_args* from, const Quantize& quantize) {
  const ditune_quantize_args a = read(from, "args", offsetof(ditune_quantize_args, r));
  return {.x = a.x,
          .x2 = a.x2,
          .y = a.y,
          .h = a.h,
          .g = a.g,
          .s = a.s,
          .t = a.t,
          .index = a.index,
          .w1 = a.w1,
          .w = a.w,
          .b = a.b,
          .c = a.c,
          .q = a.q,
          .scale = static_cast<float*>(a.scale),
          .r = static_cast<const float*>(a.r),
          .m = quantize.m,
          .k = quantize.k,
          .ldx = a.ldx,
          .ldx2 = a.ldx2,
          .ldy = a.ldy,
          .ldh = a.ldh,
          .ldt = a.ldt,
          .ldq = a.ldq,
          .ldr = a.ldr,
          .tables = a.tables,
          .rows_per_image = a.rows_per_image,
          .positions = a.positions,
          .eps = static_cast<float>(a.eps)};
}

ditune_quantize_problem words(const Quantize& quantize) {
  const Prologue& p = quantize.prologue;
  return {.size = sizeof(ditune_quantize_problem),
          .m = quantize.m,
          .k = quantize.k,
          .x = static_cast<std::int32_t>(p.x),
          .residual = static_cast<std::int32_t>(p.residual),
          .norm = static_cast<std::int32_t>(p.norm),
          .weight = static_cast<std::int32_t>(p.weight),
          .bias = static_cast<std::int32_t>(p.bias),
          .modulate = static_cast<std::int32_t>(p.modulate),
          .table = static_cast<std::int32_t>(p.table),
          .act = static_cast<std::int32_t>(p.act),
          .split = p.split,
          .smooth = static_cast<std::int32_t>(p.smooth),
          .rotate = p.rotate,
          .parameters = static_cast<std::int32_t>(p.parameters),
          .scale = static_cast<std::int32_t>(p.scale),
          .out = static_cast<std::int32_t>(p.out),
          .head = p.head,
          .rope = static_cast<std::int32_t>(p.rope)};
}

}  // namespace ditune::c_api

using namespace ditune;

ditune_status ditune_lookup_quantize(ditune_runtime runtime, const ditune_device* device,
                                     const ditune_quantize_problem* problem, ditune_kernel_info* info) {
  return c_api::lookup(runtime, device, problem, info);
}

ditune_status ditune_prepare_quantize(ditune_runtime runtime, int32_t device, const ditune_quantize_problem* problem,
                                      ditune_kernel* kernel) {
  return c_api::prepare(runtime, device, problem, kernel);
}

ditune_status ditune_launch_quantize(ditune_kernel kernel, const ditune_quantize_args* args, void* stream) {
  return c_api::launch<Quantize>(kernel, args, stream);
}

ditune_status ditune_run_quantize(ditune_runtime runtime, int32_t device, const ditune_quantize_problem* problem,
                                  const ditune_quantize_args* args, void* stream) {
  return c_api::run<&Quantize::prologue>(runtime, device, problem, args, stream);
}

ditune_status ditune_run_quantize_on_host(const ditune_quantize_problem* problem, const ditune_quantize_args* args,
                                          int32_t threads) {
  return c_api::run_on_host<&Quantize::prologue>(problem, args, threads);
}

ditune_status ditune_format_quantize(const ditune_quantize_problem* problem, char* text, size_t size) {
  return c_api::format(problem, text, size);
}
