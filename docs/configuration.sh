#!/usr/bin/env bash
# Prints docs/configuration.md from the binaries themselves: docs/configuration.sh [BUILD]. `make docs` writes it, `make lint` compares.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${1:-$top/build/release}

cat <<'TEXT'
# Configuration

Settings are environment variables, or lines of the file that `CONFIG_FILE` names; the environment wins. This page is printed by the
binaries themselves (`make docs`); each prints its own part with the argument `configuration`. A process logs its settings when it
starts, secrets as `***`. A missing required value or a malformed one ends the start with exit status 1 and a line for every
fault. An empty value counts as not set.

What is **live** changes while the process runs: on SIGHUP it reads the file again and goes on with the new values, or, when
anything is wrong, refuses all of it and keeps the old ones ([operations](operations.md#changing-a-setting-without-a-restart)).

The file has at most 64 KiB, one `NAME=value` a line. Lines that are blank or begin with `#` say nothing, blanks around a line do not
count, lines may end in CRLF. The value is all that follows the first `=`, as it is: no comment after it, no escapes, no variables, no
quotes (a value that begins with one is refused). A malformed line, a name that is not a setting of this binary, and one that stands
twice are faults.

TEXT

# Tables that several binaries share are shown once.
for binary in "$top"/services/*/main.c "$top"/gateway/main.c; do
    [ -e "$binary" ] || continue
    name=$(basename "$(dirname "$binary")")
    "$build/bin/$name" configuration
done | awk '/^## / { shown = seen[$0]++ } !shown' | cat -s | sed -e '$ { /^$/d }'
