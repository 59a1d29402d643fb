/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the best kernel of a layer through the C ABI: a C99 program that links libditune.so alone, and needs no GPU.
 *
 *   lookup_c DATABASE GPU M N K
 */
#include <ditune/ditune.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(void) {
  fprintf(stderr, "lookup_c: %s\n", ditune_last_error());
  return 1;
}

int main(int count, char** words) {
  const char* database = count > 1 ? words[1] : NULL;
  ditune_open_options options = {0};
  ditune_device device = {0};
  ditune_problem problem = {0};
  ditune_kernel_info info = {0};
  ditune_runtime runtime;

  if (count != 6) {
    fprintf(stderr, "usage: lookup_c DATABASE GPU M N K\n");
    return 2;
  }
  /* Once: the runtime keeps the records in memory, any number of threads may ask it. */
  options.size = sizeof options;
  options.databases = &database;
  options.database_count = 1;
  if (ditune_open(&options, &runtime) != DITUNE_OK) return fail();

  /* For each layer, whenever its M changes. */
  device.size = sizeof device;
  device.name = words[2];
  problem.size = sizeof problem;
  problem.m = strtoll(words[3], NULL, 10);
  problem.n = strtoll(words[4], NULL, 10);
  problem.k = strtoll(words[5], NULL, 10);
  info.size = sizeof info;
  if (ditune_lookup(runtime, &device, &problem, &info) != DITUNE_OK) return fail();
  printf("%s, match %d, %lld bytes of workspace\n", info.config, (int)info.match, (long long)info.workspace_bytes);
  return ditune_close(runtime) == DITUNE_OK ? 0 : fail();
}
