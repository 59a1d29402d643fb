#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# slurm_test.sh DITUNE UNDIVIDED: submits the jobs of docs/fleet.md to a Slurm of its own, has one task requeued while it runs and one
# killed and then requeued, and compares what is merged with UNDIVIDED. Exits 77 where Slurm is not installed.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
for program in munged slurmctld slurmd sbatch; do
  command -v "$program" >/dev/null || { echo "skipped: no $program here (scripts/setup --ci installs Slurm)"; exit 77; }
done
# As a job of another Slurm has them.
for name in $(compgen -e SLURM_ || true) $(compgen -e SBATCH_ || true); do unset "$name"; done
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh" "$@"
# shellcheck source=tests/cli/private_slurm.sh
. "$here/private_slurm.sh"
trap 'cd / && end_processes_in "$place" && rm -rf "$place"' EXIT
requeued=1 killed=2 # tasks
longest=300         # seconds

fail() {
  echo "slurm_test: $*" >&2
  squeue --states=all >&2 || true
  tail -n 20 ./*.log slurm-*.out runs >&2 || true
  exit 1
}

await() { # WHAT COMMAND...
  succeeds_within $((longest - SECONDS)) "${@:2}" || fail "after $longest s still waiting for $1"
}

state_is() { [ "$(squeue -h --states=all -j "$1" -o %T)" = "$2" ]; } # JOB STATE

# In their first run the two victims come to the end of the first layer of their shards and no further, however fast the machine is; the
# other tasks wait until one is requeued and the other killed. (kill_test.cpp kills tuning runs at any moment.)
head -n $((last_task + 1)) layers >first_layers
mv bin/ditune bin/ditune_here
cat >bin/ditune <<END
#!/bin/bash
[ "\$1" = tune ] && [ -n "\${SLURM_JOB_ID-}" ] || exec ditune_here "\$@"
run=\${SLURM_RESTART_COUNT-0} task=\$SLURM_ARRAY_TASK_ID
echo "task \$task, run \$run, GPU \${CUDA_VISIBLE_DEVICES-none}" >>"$place/runs"
case \$run,\$task in
  0,$requeued | 0,$killed)
    layers=$place/first_layers ditune_here "\$@"
    echo \$\$ >"$place/interrupted-\$task"
    exec sleep infinity ;;
  0,*)
    until [ -e "$place/go" ]; do sleep 0.1; done ;;
esac
exec ditune_here "\$@"
END
chmod +x bin/ditune

start_slurm 64 || fail "Slurm did not come up"
block "bash test=submit.sh" | sed "s#/shared/ditune#$place/results#" >submit.sh
# shellcheck source=/dev/null
. ./submit.sh >submitted
array=${job:?submit.sh names the array}
merge=$(sed -n 's/^Submitted batch job //p' submitted)

for victim in $requeued $killed; do
  await "the first layer of task $victim" test -s "interrupted-$victim"
  [ "$(winners "results/shard-$victim.db" | grep -o '"config"' | wc -l)" -eq 1 ] || fail "task $victim did not store its first layer"
done
scontrol requeue "${array}_$requeued"
kill -KILL "$(<"interrupted-$killed")"
await "task $killed to fail" state_is "${array}_$killed" FAILED
scontrol requeue "${array}_$killed"
touch go

for task in $(seq 0 "$last_task"); do await "task $task" state_is "${array}_$task" COMPLETED; done
await "the merge" state_is "$merge" COMPLETED
winners results/tuning.db | diff "$undivided" - || fail "the merged shards are not what one run finds"

# Every task had a GPU of its own, and only the victims ran again.
[ "$(sed -n 's/.*, run 0, GPU \([0-9]\)$/\1/p' runs | sort -u | wc -l)" -eq $((last_task + 1)) ] || fail "tasks share a GPU"
[ "$(sed -n 's/^task \(.\), run 1,.*/\1/p' runs | sort | xargs)" = "$requeued $killed" ] || fail "other tasks ran again"
echo "docs/fleet.md under $(sinfo --version): $SECONDS s"
