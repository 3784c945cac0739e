#!/bin/sh
# What tests/run.sh says of tests that fail: each one's name and last lines stand at the end, and its status is not 0.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tests=$work/tests/unit
mkdir -p "$tests"

# binary NAME STATUS: a test binary that prints standard input and ends so.
binary() {
    { printf '#!/bin/sh\ncat <<"END"\n'; cat; printf 'END\nexit %d\n' "$2"; } >"$tests/$1"
    chmod +x "$tests/$1"
}

binary example_fails 1 <<'END'
[==========] Running 2 test(s).
[ RUN      ] test_of_before
what is good is not told
[       OK ] test_of_before
[ RUN      ] test_that_fails
what it saw
[  ERROR   ] --- 1 != 2
[  FAILED  ] test_that_fails
[==========] 2 test(s) run.
[  PASSED  ] 1 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] test_that_fails
END
binary example_leaks 23 <<'END'
[==========] Running 1 test(s).
[ RUN      ] test_of_all
[       OK ] test_of_all
[==========] 1 test(s) run.
[  PASSED  ] 1 test(s).
SUMMARY: AddressSanitizer: 8 byte(s) leaked
END
binary example_passes 0 <<'END'
[==========] Running 1 test(s).
[ RUN      ] test_of_all
[       OK ] test_of_all
[==========] 1 test(s) run.
[  PASSED  ] 1 test(s).
END

env -u BIN_DIR tests/run.sh "$work" 'example_*' >"$work/out" 2>&1
status=$?
# What was told at the end: from the second time that a binary is named.
awk '/^--- unit\/example_fails$/ && ++n == 2 { told = 1 } told' "$work/out" >"$work/told"
cat >"$work/want" <<'END'
--- unit/example_fails
[ RUN      ] test_that_fails
what it saw
[  ERROR   ] --- 1 != 2
[  FAILED  ] test_that_fails
--- unit/example_leaks
[==========] Running 1 test(s).
[ RUN      ] test_of_all
[       OK ] test_of_all
[==========] 1 test(s) run.
[  PASSED  ] 1 test(s).
SUMMARY: AddressSanitizer: 8 byte(s) leaked
FAILED  unit/example_fails: test_that_fails
FAILED  unit/example_leaks: ended with status 23; SUMMARY: AddressSanitizer: 8 byte(s) leaked
3 passed, 2 failed
END
diff -u "$work/want" "$work/told" && [ $status = 1 ] && echo "ok - what failed is told at the end"
