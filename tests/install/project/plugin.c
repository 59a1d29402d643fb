/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a runtime and asks it for a kernel: without a GPU, a clear error. */
#include <ditune/ditune.h>
#include <stdio.h>

int main(void) {
  ditune_runtime runtime;
  ditune_kernel kernel;
  ditune_problem problem = {0};
  ditune_status status;

  printf("%s\n", ditune_version());
  if (ditune_open(NULL, &runtime) != DITUNE_OK) {
    fprintf(stderr, "plugin: %s\n", ditune_last_error());
    return 1;
  }
  problem.size = sizeof problem;
  problem.m = 1000;
  problem.n = problem.k = 3072;
  status = ditune_prepare(runtime, 0, &problem, &kernel);
  printf("%s\n", status == DITUNE_OK ? "prepared" : ditune_last_error());
  return ditune_close(runtime) == DITUNE_OK ? 0 : 1;
}
