#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# readme_test.sh DITUNE LOOKUP CXX CUDA_INCLUDE CUDA_LIB: runs README.md's examples in order, as on a machine without a GPU.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ditune=$1 lookup=$2 cxx=$3 cuda_include=$4 cuda_lib=$5
blocks() { "$here/readme_blocks" "$here/../../README.md" "$1"; }

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
mkdir bin
ln -s "$ditune" bin/ditune
export PATH="$place/bin:$PATH" XDG_DATA_HOME="$place/data" XDG_CACHE_HOME="$place/cache" CXX="$cxx" CUDA_VISIBLE_DEVICES=
unset DITUNE_DB

blocks "sh test" >commands
[ -s commands ] || { echo "README.md has no examples"; exit 1; }
bash -eux commands

blocks "cpp test=exported.cpp" >exported.cpp
"$cxx" -std=c++17 -Wall -Wextra -Werror -I. -I"$cuda_include" exported.cpp -o exported -L"$cuda_lib" -lcudart_static -ldl -lrt -lpthread

# Both ways from code find the winner that the commands stored.
[ ! -e data ] || { echo "README.md's examples end up with two databases"; exit 1; }
winner=$(ditune list --db tuning.db | awk 'NR == 2 { for (i = 1; i <= NF; ++i) if ($i ~ /^mma_s8:/) print $i }')
for found in "$("$lookup")" "$(./exported)"; do
  [ "${found%% CTAs}" != "$found" ] && [ "${found%, *}" = "$winner" ] || { echo "found '$found', not $winner"; exit 1; }
done
