/* SPDX-License-Identifier: Apache-2.0 */
/* The C ABI as version DITUNE_1 has it: a change of a layout or a value does not compile. Members may be added at the
 * end of a struct: then its line here gets the larger size, and the others stay. C99. */
#include <ditune/ditune.h>

#define CHECK_JOIN(a, b) a##b
#define CHECK_NAME(line) CHECK_JOIN(check_, line)
#define CHECK(condition) typedef char CHECK_NAME(__LINE__)[(condition) ? 1 : -1]
#define MEMBER(type, member, offset, bytes) \
  CHECK(offsetof(type, member) == (offset) && sizeof(((type*)0)->member) == (bytes))

CHECK(sizeof(ditune_status) == 4);
CHECK(sizeof(ditune_runtime) == 8);

CHECK(sizeof(ditune_kernel) == 16);
MEMBER(ditune_kernel, runtime, 0, 8);
MEMBER(ditune_kernel, id, 8, 8);

CHECK(sizeof(ditune_problem) == 72);
MEMBER(ditune_problem, size, 0, 8);
MEMBER(ditune_problem, m, 8, 8);
MEMBER(ditune_problem, n, 16, 8);
MEMBER(ditune_problem, k, 24, 8);
MEMBER(ditune_problem, sx, 32, 4);
MEMBER(ditune_problem, sw, 36, 4);
MEMBER(ditune_problem, bias, 40, 4);
MEMBER(ditune_problem, op, 44, 4);
MEMBER(ditune_problem, out, 48, 4);
MEMBER(ditune_problem, from, 56, 8);
MEMBER(ditune_problem, residual, 64, 4);
MEMBER(ditune_problem, gate, 68, 4);

CHECK(sizeof(ditune_device) == 24);
MEMBER(ditune_device, size, 0, 8);
MEMBER(ditune_device, name, 8, 8);
MEMBER(ditune_device, arch, 16, 4);
MEMBER(ditune_device, sms, 20, 4);

CHECK(sizeof(ditune_open_options) == 80);
MEMBER(ditune_open_options, size, 0, 8);
MEMBER(ditune_open_options, databases, 8, 8);
MEMBER(ditune_open_options, database_count, 16, 8);
MEMBER(ditune_open_options, regime, 24, 4);
MEMBER(ditune_open_options, on_miss, 32, 8);
MEMBER(ditune_open_options, user, 40, 8);
MEMBER(ditune_open_options, on_quantize_miss, 48, 8);
MEMBER(ditune_open_options, nvrtc, 56, 8);
MEMBER(ditune_open_options, compile, 64, 4);
MEMBER(ditune_open_options, tune_database, 72, 8);

CHECK(sizeof(ditune_kernel_info) == 40);
MEMBER(ditune_kernel_info, size, 0, 8);
MEMBER(ditune_kernel_info, match, 8, 4);
MEMBER(ditune_kernel_info, device, 12, 4);
MEMBER(ditune_kernel_info, workspace_bytes, 16, 8);
MEMBER(ditune_kernel_info, config, 24, 8);
MEMBER(ditune_kernel_info, note, 32, 8);

CHECK(sizeof(ditune_args) == 144);
MEMBER(ditune_args, size, 0, 8);
MEMBER(ditune_args, x, 8, 8);
MEMBER(ditune_args, w, 16, 8);
MEMBER(ditune_args, y, 24, 8);
MEMBER(ditune_args, sx, 32, 8);
MEMBER(ditune_args, sw, 40, 8);
MEMBER(ditune_args, bias, 48, 8);
MEMBER(ditune_args, workspace, 56, 8);
MEMBER(ditune_args, ldx, 64, 8);
MEMBER(ditune_args, ldw, 72, 8);
MEMBER(ditune_args, ldy, 80, 8);
MEMBER(ditune_args, r, 88, 8);
MEMBER(ditune_args, g, 96, 8);
MEMBER(ditune_args, gate_index, 104, 8);
MEMBER(ditune_args, ldr, 112, 8);
MEMBER(ditune_args, ldg, 120, 8);
MEMBER(ditune_args, gates, 128, 8);
MEMBER(ditune_args, rows_per_gate, 136, 8);

CHECK(sizeof(ditune_quantize_problem) == 88);
MEMBER(ditune_quantize_problem, size, 0, 8);
MEMBER(ditune_quantize_problem, m, 8, 8);
MEMBER(ditune_quantize_problem, k, 16, 8);
MEMBER(ditune_quantize_problem, x, 24, 4);
MEMBER(ditune_quantize_problem, residual, 28, 4);
MEMBER(ditune_quantize_problem, norm, 32, 4);
MEMBER(ditune_quantize_problem, weight, 36, 4);
MEMBER(ditune_quantize_problem, bias, 40, 4);
MEMBER(ditune_quantize_problem, modulate, 44, 4);
MEMBER(ditune_quantize_problem, table, 48, 4);
MEMBER(ditune_quantize_problem, act, 52, 4);
MEMBER(ditune_quantize_problem, split, 56, 4);
MEMBER(ditune_quantize_problem, smooth, 60, 4);
MEMBER(ditune_quantize_problem, rotate, 64, 4);
MEMBER(ditune_quantize_problem, parameters, 68, 4);
MEMBER(ditune_quantize_problem, scale, 72, 4);
MEMBER(ditune_quantize_problem, out, 76, 4);
MEMBER(ditune_quantize_problem, head, 80, 4);
MEMBER(ditune_quantize_problem, rope, 84, 4);

CHECK(sizeof(ditune_quantize_args) == 216);
MEMBER(ditune_quantize_args, size, 0, 8);
MEMBER(ditune_quantize_args, x, 8, 8);
MEMBER(ditune_quantize_args, x2, 16, 8);
MEMBER(ditune_quantize_args, y, 24, 8);
MEMBER(ditune_quantize_args, h, 32, 8);
MEMBER(ditune_quantize_args, g, 40, 8);
MEMBER(ditune_quantize_args, s, 48, 8);
MEMBER(ditune_quantize_args, t, 56, 8);
MEMBER(ditune_quantize_args, index, 64, 8);
MEMBER(ditune_quantize_args, w1, 72, 8);
MEMBER(ditune_quantize_args, w, 80, 8);
MEMBER(ditune_quantize_args, b, 88, 8);
MEMBER(ditune_quantize_args, c, 96, 8);
MEMBER(ditune_quantize_args, q, 104, 8);
MEMBER(ditune_quantize_args, scale, 112, 8);
MEMBER(ditune_quantize_args, ldx, 120, 8);
MEMBER(ditune_quantize_args, ldx2, 128, 8);
MEMBER(ditune_quantize_args, ldy, 136, 8);
MEMBER(ditune_quantize_args, ldh, 144, 8);
MEMBER(ditune_quantize_args, ldt, 152, 8);
MEMBER(ditune_quantize_args, ldq, 160, 8);
MEMBER(ditune_quantize_args, tables, 168, 8);
MEMBER(ditune_quantize_args, rows_per_image, 176, 8);
MEMBER(ditune_quantize_args, eps, 184, 8);
MEMBER(ditune_quantize_args, r, 192, 8);
MEMBER(ditune_quantize_args, ldr, 200, 8);
MEMBER(ditune_quantize_args, positions, 208, 8);

CHECK(DITUNE_OK == 0 && DITUNE_INVALID_ARGUMENT == 1 && DITUNE_INVALID_HANDLE == 2 && DITUNE_NOT_PREPARED == 3);
CHECK(DITUNE_NO_KERNEL == 4 && DITUNE_DATABASE_ERROR == 5 && DITUNE_CUDA_ERROR == 6 && DITUNE_OUT_OF_MEMORY == 7);
CHECK(DITUNE_INTERNAL == 8 && DITUNE_NO_DEVICE == 9);
CHECK(DITUNE_SX_TOKEN == 0 && DITUNE_SX_TENSOR == 1 && DITUNE_SW_CHANNEL == 0 && DITUNE_SW_TENSOR == 1);
CHECK(DITUNE_BIAS_NONE == 0 && DITUNE_BIAS_F32 == 1 && DITUNE_BIAS_BF16 == 2 && DITUNE_BIAS_F16 == 3);
CHECK(DITUNE_OP_NONE == 0 && DITUNE_OP_GELU_TANH == 1 && DITUNE_OP_GELU_ERF == 2 && DITUNE_OP_SILU == 3);
CHECK(DITUNE_OP_SIGMOID == 4 && DITUNE_OP_SWIGLU == 5);
CHECK(DITUNE_RESIDUAL_NONE == 0 && DITUNE_RESIDUAL_BF16 == 1 && DITUNE_RESIDUAL_F16 == 2 && DITUNE_RESIDUAL_F32 == 3);
CHECK(DITUNE_GATE_NONE == 0 && DITUNE_GATE_CHANNEL == 1 && DITUNE_GATE_TABLE == 2 && DITUNE_GATE_INDEX == 3);
CHECK(DITUNE_OUT_BF16 == 0 && DITUNE_OUT_F16 == 1 && DITUNE_OUT_F32 == 2 && DITUNE_OUT_S32 == 3);
CHECK(DITUNE_MATCH_EXACT == 0 && DITUNE_MATCH_NEAREST_M == 1 && DITUNE_MATCH_STALE == 2);
CHECK(DITUNE_MATCH_OTHER_DEVICE == 3 && DITUNE_MATCH_MODEL == 4 && DITUNE_MATCH_DEFAULT == 5);
CHECK(DITUNE_MATCH_NONE == 6 && DITUNE_REGIME_BURST == 0 && DITUNE_REGIME_SUSTAINED == 1);
CHECK(DITUNE_QUANTIZE_X_BF16 == 0);
CHECK(DITUNE_QUANTIZE_X_F16 == 1);
CHECK(DITUNE_QUANTIZE_X_F32 == 2);
CHECK(DITUNE_QUANTIZE_RESIDUAL_NONE == 0);
CHECK(DITUNE_QUANTIZE_RESIDUAL_ADD == 1);
CHECK(DITUNE_QUANTIZE_RESIDUAL_GATE == 2);
CHECK(DITUNE_QUANTIZE_RESIDUAL_GATE_RMS == 3);
CHECK(DITUNE_QUANTIZE_NORM_NONE == 0);
CHECK(DITUNE_QUANTIZE_NORM_RMS == 1);
CHECK(DITUNE_QUANTIZE_NORM_LAYER == 2);
CHECK(DITUNE_QUANTIZE_WEIGHT_NONE == 0);
CHECK(DITUNE_QUANTIZE_WEIGHT_PLAIN == 1);
CHECK(DITUNE_QUANTIZE_WEIGHT_PLUS_ONE == 2);
CHECK(DITUNE_QUANTIZE_BIAS_NONE == 0);
CHECK(DITUNE_QUANTIZE_BIAS_PLAIN == 1);
CHECK(DITUNE_QUANTIZE_MODULATE_NONE == 0);
CHECK(DITUNE_QUANTIZE_MODULATE_SCALE == 1);
CHECK(DITUNE_QUANTIZE_MODULATE_SCALE1 == 2);
CHECK(DITUNE_QUANTIZE_MODULATE_SCALE1_SHIFT == 3);
CHECK(DITUNE_QUANTIZE_TABLE_ALL == 0);
CHECK(DITUNE_QUANTIZE_TABLE_IMAGE == 1);
CHECK(DITUNE_QUANTIZE_TABLE_INDEX == 2);
CHECK(DITUNE_QUANTIZE_ACT_NONE == 0);
CHECK(DITUNE_QUANTIZE_ACT_GELU_TANH == 1);
CHECK(DITUNE_QUANTIZE_ACT_GELU_ERF == 2);
CHECK(DITUNE_QUANTIZE_ACT_SILU == 3);
CHECK(DITUNE_QUANTIZE_ACT_SWIGLU == 4);
CHECK(DITUNE_QUANTIZE_ACT_SWIGLU_INTERLEAVED == 5);
CHECK(DITUNE_QUANTIZE_SMOOTH_OFF == 0);
CHECK(DITUNE_QUANTIZE_SMOOTH_ON == 1);
CHECK(DITUNE_QUANTIZE_PARAMETERS_SAME == 0);
CHECK(DITUNE_QUANTIZE_PARAMETERS_F32 == 1);
CHECK(DITUNE_QUANTIZE_SCALE_TOKEN == 0);
CHECK(DITUNE_QUANTIZE_SCALE_TENSOR == 1);
CHECK(DITUNE_QUANTIZE_OUT_S8 == 0);
CHECK(DITUNE_QUANTIZE_OUT_BF16 == 1);
CHECK(DITUNE_QUANTIZE_OUT_F16 == 2);

/* Types of the functions, and that they link. */
typedef struct {
  const char* (*version)(void);
  const char* (*last_error)(void);
  ditune_status (*open)(const ditune_open_options*, ditune_runtime*);
  ditune_status (*close)(ditune_runtime);
  ditune_status (*prepare)(ditune_runtime, int32_t, const ditune_problem*, ditune_kernel*);
  ditune_status (*lookup)(ditune_runtime, const ditune_device*, const ditune_problem*, ditune_kernel_info*);
  ditune_status (*query)(ditune_kernel, ditune_kernel_info*);
  ditune_status (*launch)(ditune_kernel, const ditune_args*, void*);
  ditune_status (*skipped_rows)(ditune_runtime, int64_t*);
  ditune_status (*run)(ditune_runtime, int32_t, const ditune_problem*, const ditune_args*, void*);
  ditune_status (*interleave)(const void*, const void*, void*, int64_t, int64_t);
  ditune_status (*prepare_quantize)(ditune_runtime, int32_t, const ditune_quantize_problem*, ditune_kernel*);
  ditune_status (*lookup_quantize)(ditune_runtime, const ditune_device*, const ditune_quantize_problem*,
                                   ditune_kernel_info*);
  ditune_status (*launch_quantize)(ditune_kernel, const ditune_quantize_args*, void*);
  ditune_status (*run_quantize)(ditune_runtime, int32_t, const ditune_quantize_problem*, const ditune_quantize_args*,
                                void*);
  ditune_status (*run_on_host)(const ditune_problem*, const ditune_args*, int32_t);
  ditune_status (*run_quantize_on_host)(const ditune_quantize_problem*, const ditune_quantize_args*, int32_t);
  ditune_status (*format)(const ditune_problem*, char*, size_t);
  ditune_status (*format_quantize)(const ditune_quantize_problem*, char*, size_t);
} ditune_functions;

int main(void) {
  const ditune_functions all = {ditune_version,
                                ditune_last_error,
                                ditune_open,
                                ditune_close,
                                ditune_prepare,
                                ditune_lookup,
                                ditune_query,
                                ditune_launch,
                                ditune_skipped_rows,
                                ditune_run,
                                ditune_interleave,
                                ditune_prepare_quantize,
                                ditune_lookup_quantize,
                                ditune_launch_quantize,
                                ditune_run_quantize,
                                ditune_run_on_host,
                                ditune_run_quantize_on_host,
                                ditune_format,
                                ditune_format_quantize};
  ditune_runtime runtime = 0;
  if (all.open(0, &runtime) != DITUNE_OK || runtime == 0) return 1;
  if (all.close(runtime) != DITUNE_OK) return 2;
  if (all.close(runtime) != DITUNE_INVALID_HANDLE) return 3;
  return all.last_error()[0] == '\0' || all.version()[0] == '\0';
}
