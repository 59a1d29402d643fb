#!/usr/bin/env bash
# fleet_test.sh DITUNE: runs the jobs of docs/fleet.md as their schedulers would, on a machine without a GPU, and compares
# what is merged with one run of the whole list.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ditune=$1
block() { "$here/readme_blocks" "$here/../../docs/fleet.md" "$1"; }

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
mkdir bin slurm kubernetes
# The card that the fleet would have.
cat >bin/ditune <<END
#!/bin/sh
[ "\$1" != tune ] || set -- "\$@" --gpu "RTX 3090" --trials 1
exec "$ditune" "\$@"
END
chmod +x bin/ditune
export PATH="$place/bin:$PATH" XDG_CACHE_HOME="$place/cache" CUDA_VISIBLE_DEVICES=
winners() { ditune list --db "$1" --json; }

ditune tune --model ideogram4 --resolution 1024x1024 --db whole.db >/dev/null
winners whole.db >whole.json
grep -q '"config"' whole.json

block "bash test=tune.sbatch" >tune.sbatch
block "bash test=merge.sbatch" >merge.sbatch
tasks=$(sed -n 's/^#SBATCH --array=0-\([0-9]*\)$/\1/p' tune.sbatch)
for task in $(seq 0 "$tasks"); do
  RESULTS="$place/slurm" SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$((tasks + 1)) bash tune.sbatch >/dev/null
  [ "$(ditune list --db "slurm/shard-$task.db" | wc -l)" -gt 1 ]
done
RESULTS="$place/slurm" bash merge.sbatch
winners slurm/tuning.db | diff whole.json -
RESULTS="$place/slurm" bash merge.sbatch # again: nothing changes
winners slurm/tuning.db | diff whole.json -

block "yaml test=job.yaml" >job.yaml
awk '/^ *- \|$/ { found = 1; next } found && /^ *env:$/ { exit } found' job.yaml >pod.sh
pods=$(sed -n 's/^ *completions: //p' job.yaml)
for pod in $(seq $((pods - 1)) -1 0); do
  RESULTS="$place/kubernetes" JOB_COMPLETION_INDEX=$pod sh -euc "$(cat pod.sh)" >/dev/null
done
RESULTS="$place/kubernetes" bash merge.sbatch
winners kubernetes/tuning.db | diff whole.json -
