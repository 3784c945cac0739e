#!/usr/bin/env bash
# Prints docs/configuration.md from the binaries themselves: docs/configuration.sh [BUILD]. `make docs` writes it, `make lint` compares.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${1:-$top/build/release}

cat <<'TEXT'
# Configuration

Settings are environment variables. This page is printed by the binaries themselves (`make docs`); each prints its own part
with the argument `configuration`. A process logs its settings when it starts, secrets as `***`. A missing required value or
a malformed one ends the start with exit status 1 and a line for every fault. An empty variable counts as not set.

TEXT

# Tables that several binaries share are shown once.
for binary in "$top"/services/*/main.c "$top"/gateway/main.c; do
    [ -e "$binary" ] || continue
    name=$(basename "$(dirname "$binary")")
    "$build/bin/$name" configuration
done | awk '/^## / { shown = seen[$0]++ } !shown' | cat -s | sed -e '$ { /^$/d }'
