# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034  # others use the variables
# Sourced by the tests of docs/fleet.md with DITUNE UNDIVIDED as its arguments: goes to a temporary folder, $place, with the jobs
# of the docs and a `ditune` on PATH that tunes for a card that is not here, one trial a layer, and layers in place of
# Ideogram 4's that compile in seconds. UNDIVIDED is the file of the winners that one run of the whole list finds, which every
# division has to end up with.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ditune=$(realpath "$1") undivided=$(realpath "$2")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit
export PATH="$place/bin:$PATH" XDG_CACHE_HOME="$place/cache"

block() { "$here/readme_blocks" "$here/../../docs/fleet.md" "$1" | grep ''; }  # fails if there is none
winners() { ditune list --db "$1" --json; }

mkdir bin
{
  printf 'gemm_s8:m=%s,n=768,k=512\n' 64 96 128 192
  printf 'quantize_s8:m=%s,k=512\n' 64 96 128 192 256 320
} >layers
cat >bin/ditune <<END
#!/bin/sh
export CUDA_VISIBLE_DEVICES=
if [ "\$1" = tune ]; then
  [ "\$2 \$3 \$4 \$5" = "--model ideogram4 --resolution 1024x1024" ] || { echo "fleet.sh: another list: \$*" >&2; exit 2; }
  shift 5
  set -- tune --problems "\${layers-$place/layers}" "\$@" --gpu "RTX 3090" --trials 1
fi
exec "$ditune" "\$@"
END
chmod +x bin/ditune

block "bash test=tune.sbatch" >tune.sbatch
block "bash test=merge.sbatch" >merge.sbatch
last_task=$(sed -n 's/^#SBATCH --array=0-\([0-9]*\)$/\1/p' tune.sbatch)
