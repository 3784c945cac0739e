#!/usr/bin/env bash
# Fuzzes with every target of a build: tests/fuzz/run.sh BUILD [SECONDS]    (make fuzz builds them first)
# One line per target: executions, branches covered, inputs kept. Begins with tests/fuzz/corpus and what earlier runs kept in
# BUILD/corpus. Ends with status 1 when there is a finding: a broken promise, a sanitizer's report, more than 10 s for one input.
# The input is then in BUILD/found/<target>; fixed, it goes into tests/fuzz/corpus/<target>.
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build=$(realpath -m -- "${1:-$top/build/fuzz}")
seconds=${2:-60}

export top build seconds
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# The words of a target's language.
dictionary() {
    case $1 in
        fuzz_head | fuzz_wire | fuzz_chunked) echo http ;;
        fuzz_path | fuzz_query) echo url ;;
        *) echo "${1#fuzz_}" ;;
    esac
}

# "stat::number_of_executed_units: 12345" and "#12345 DONE cov: 123 ft: 456 corp: 78/9Kb ..."
summary() {
    awk -v target="$1" '
        /^stat::number_of_executed_units:/ { runs = $2 }
        / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "corp:") corp = $(i + 1) } }
        END { sub(/\/.*/, "", corp); printf "%-15s %9d executions, %5d branches, %5d inputs\n", target, runs, cov, corp }'
}

# Without the frames of libFuzzer and libc.
finding() {
    echo "$1: FAILED"
    grep -aE -A 12 'broken: |ERROR: |runtime error: ' "$2" | grep -vE ' in (fuzzer::|__sanitizer_)|/libc[.]|/(nptl|signal|stdlib)/' | head -n 30
    sed -nE "s/.*Test unit written to (.*)/$1: the input is \1/p" "$2"
    echo "$1: all it said is in $2"
}

fuzz() {
    local target=${1##*/} log
    log=$build/log/$target
    mkdir -p "$build/log" "$build/found/$target" "$build/corpus/$target"
    if "$1" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 \
        -dict="$top/tests/fuzz/$(dictionary "$target").dict" -artifact_prefix="$build/found/$target/" \
        "$build/corpus/$target" "$top/tests/fuzz/corpus/$target" >"$log" 2>&1; then
        summary "$target" <"$log"
    else
        echo "$(finding "$target" "$log")" # at once: others write too
        return 1
    fi
}
export -f dictionary summary finding fuzz

# As many at a time as there are processors.
# shellcheck disable=SC2016  # $1 is the inner shell's
printf '%s\n' "$build"/tests/fuzz/fuzz_* | xargs -P "$(nproc)" -I{} bash -c 'fuzz "$1"' fuzz {} || exit 1
