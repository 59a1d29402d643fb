#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fleet_test.sh DITUNE UNDIVIDED: runs the jobs of docs/fleet.md with the variables that their schedulers set, on a machine without a
# GPU, and compares what is merged with UNDIVIDED.
set -euo pipefail
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh" "$@"
mkdir slurm kubernetes

for task in $(seq 0 "$last_task"); do
  RESULTS="$place/slurm" SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$((last_task + 1)) bash tune.sbatch >/dev/null
  [ "$(ditune list --db "slurm/shard-$task.db" | wc -l)" -gt 1 ]
done
RESULTS="$place/slurm" bash merge.sbatch
winners slurm/tuning.db | diff "$undivided" -
RESULTS="$place/slurm" bash merge.sbatch # again: nothing changes
winners slurm/tuning.db | diff "$undivided" -

block "yaml test=job.yaml" >job.yaml
awk '/^ *- \|$/ { found = 1; next } found && /^ *env:$/ { exit } found' job.yaml >pod.sh
pods=$(sed -n 's/^ *completions: //p' job.yaml)
for pod in $(seq $((pods - 1)) -1 0); do
  RESULTS="$place/kubernetes" JOB_COMPLETION_INDEX=$pod sh -euc "$(cat pod.sh)" >/dev/null
done
RESULTS="$place/kubernetes" bash merge.sbatch
winners kubernetes/tuning.db | diff "$undivided" -
