/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a layer through the C ABI and checks what it computes: a C99 program that links libditune.so and the CUDA
 * runtime.
 *
 *   launch [DATABASE]
 *
 * Without a database the kernel is the cost model's choice, compiled where NVRTC is installed, or one that is built in.
 */
#include <cuda_runtime_api.h>
#include <ditune/ditune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kRows = 1000, kColumns = 3072, kInner = 3072, kSkipped = 77 };

static void require(ditune_status status) {
  if (status == DITUNE_OK) return;
  fprintf(stderr, "launch: %s\n", ditune_last_error());
  exit(1);
}

/* Device memory with `count` copies of an element of so many bytes. */
static void* filled(const void* element, size_t bytes, size_t count) {
  char* host = malloc(bytes * count);
  void* device = NULL;
  size_t i;
  for (i = 0; host && i < count; ++i) memcpy(host + bytes * i, element, bytes);
  if (!host || cudaMalloc(&device, bytes * count) != cudaSuccess ||
      cudaMemcpy(device, host, bytes * count, cudaMemcpyHostToDevice) != cudaSuccess) {
    fprintf(stderr, "launch: out of memory\n");
    exit(1);
  }
  free(host);
  return device;
}

int main(int count, char** words) {
  const char* database = count > 1 ? words[1] : NULL;
  const signed char one = 1;
  const float scale = 1;
  const unsigned char poison[4] = {0xff, 0xff, 0xff, 0xff};
  const size_t outputs = (size_t)kRows * kColumns;
  int gpus = 0;
  ditune_open_options options = {0};
  ditune_problem problem = {0};
  ditune_kernel_info info = {0};
  ditune_args args = {0};
  ditune_runtime runtime;
  ditune_kernel kernel;
  float* y;
  size_t i;

  if (cudaGetDeviceCount(&gpus) != cudaSuccess || gpus == 0) {
    printf("skipped: there is no GPU\n");
    return kSkipped;
  }

  options.size = sizeof options;
  options.databases = &database;
  options.database_count = database ? 1 : 0;
  require(ditune_open(&options, &runtime));

  problem.size = sizeof problem;
  problem.m = kRows;
  problem.n = kColumns;
  problem.k = kInner;
  problem.out = DITUNE_OUT_F32;
  require(ditune_prepare(runtime, 0, &problem, &kernel));
  info.size = sizeof info;
  require(ditune_query(kernel, &info));
  printf("%s, match %d, %lld bytes of workspace\n", info.config, (int)info.match, (long long)info.workspace_bytes);
  if (info.note[0]) printf("%s\n", info.note);

  args.size = sizeof args;
  args.x = filled(&one, 1, (size_t)kRows * kInner);
  args.w = filled(&one, 1, (size_t)kColumns * kInner);
  args.y = filled(poison, 4, outputs);
  args.sx = filled(&scale, sizeof scale, kRows);
  args.sw = filled(&scale, sizeof scale, kColumns);
  args.ldx = args.ldw = kInner;
  args.ldy = kColumns;
  if (info.workspace_bytes > 0) args.workspace = filled("", 1, (size_t)info.workspace_bytes);
  require(ditune_launch(kernel, &args, NULL));

  y = malloc(sizeof *y * outputs);
  if (!y || cudaMemcpy(y, args.y, sizeof *y * outputs, cudaMemcpyDeviceToHost) != cudaSuccess) {
    fprintf(stderr, "launch: the kernel failed\n");
    return 1;
  }
  for (i = 0; i < outputs && y[i] == kInner; ++i) continue;
  if (i == outputs)
    printf("every value is right\n");
  else
    printf("value %zu is wrong\n", i);
  free(y);
  require(ditune_close(runtime));
  return i == outputs ? 0 : 1;
}
