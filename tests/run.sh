#!/usr/bin/env bash
# Runs the tests of a build: tests/run.sh [BUILD] [PATTERN]    tests/run.sh build/asan 'test_customer*'
# Unit tests first (binaries, then tests/unit/*.sh), then system tests; ends with "N passed, N failed", counting test functions.
# A binary that dies, hangs (TEST_SECONDS) or runs no test counts as one failure. What failed is told again at the end.
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$(realpath -m -- "${1:-$top/build/asan}")
pattern=${2:-*}
passed=0
failed=0
failures=()

export BIN_DIR=${BIN_DIR:-$build/bin}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:halt_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
[ ! -e "$top/tests/lsan.supp" ] || export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$top/tests/lsan.supp:print_suppressions=0}

output=$(mktemp)
told=$(mktemp)
trap 'rm -f "$output" "$told"' EXIT

# Sum of n in cmocka's "[  PASSED  ] n test(s)." lines; a binary may run several groups.
count() { grep -aoE "^\[  $1  \] [0-9]+ test\(s\)" "$output" | awk '{ n += $4 } END { print n + 0 }'; }

# The last lines of what each failed test printed, or of a binary without one.
tell() {
    echo "--- $1"
    awk -v most=25 '
        /^\[ RUN      \]/ { begun = NR }
        { line[NR] = $0 }
        /^\[==========\]/ { is_over = /run\.$/ }
        /^\[  FAILED  \]/ && !is_over { last(begun); some = 1 }
        END { if (!some) last(1) }
        function last(from) { for (i = NR - from < most ? from : NR - most + 1; i <= NR; i++) print line[i] }' "$output"
}

# fail COUNT NAME REASON
fail() {
    failed=$((failed + $1))
    failures+=("$2: $3")
    tell "$2" >>"$told"
}

judge() {
    local name=$1 status=$2 good bad
    good=$(count PASSED)
    bad=$(count FAILED)
    passed=$((passed + good))
    if [ "$bad" -gt 0 ]; then
        fail "$bad" "$name" "$(grep -aoE '^\[  FAILED  \] [A-Za-z_]\w*' "$output" | awk '{ print $4 }' | sort -u | paste -sd ' ')"
    elif [ "$status" = 124 ]; then
        fail 1 "$name" "still running after ${TEST_SECONDS:-300} s"
    elif [ "$status" != 0 ]; then
        fail 1 "$name" "ended with status $status; $(grep -a -m 1 '^SUMMARY: ' "$output" || tail -n 1 "$output")"
    elif [ "$good" = 0 ]; then
        fail 1 "$name" "ran no test"
    fi
}

run_binary() {
    echo "--- $1"
    timeout --kill-after=10 "${TEST_SECONDS:-300}" "$2" </dev/null 2>&1 | tee "$output"
    judge "$1" "${PIPESTATUS[0]}"
}

# A script gets the generator and the schemas.
run_script() {
    echo "--- $1"
    timeout --kill-after=10 "${TEST_SECONDS:-300}" "$2" "$build/schemagen" "$top/proto-json-schemas" </dev/null 2>&1 | tee "$output"
    local status=${PIPESTATUS[0]}
    if [ "$status" = 0 ]; then passed=$((passed + 1)); else fail 1 "$1" "ended with status $status"; fi
}

cd "$top" || exit
for kind in unit system; do
    for test in "$build/tests/$kind"/$pattern; do
        [ -f "$test" ] && [ -x "$test" ] && run_binary "$kind/${test##*/}" "$test"
    done
    for test in "tests/$kind"/$pattern.sh; do
        [ -f "$test" ] && [ -x "$test" ] && run_script "$kind/${test##*/}" "$test"
    done
done

echo
cat "$told"
[ ${#failures[@]} = 0 ] || printf 'FAILED  %s\n' "${failures[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
