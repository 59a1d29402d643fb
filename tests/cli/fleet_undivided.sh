#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fleet_undivided.sh DITUNE UNDIVIDED: writes the winners of one run of the whole list.
set -euo pipefail
touch "$2"
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh" "$@"
ditune tune --model ideogram4 --resolution 1024x1024 --db whole.db >/dev/null
winners whole.db >"$undivided"
grep -q '"config"' "$undivided"
