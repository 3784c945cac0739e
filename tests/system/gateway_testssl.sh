#!/usr/bin/env bash
# gateway_testssl.sh: testssl.sh finds no weak protocol, no weak cipher and nothing vulnerable at the gateway (issue 3).
set -u
# shellcheck source=tests/system/stack_check.sh
. "$(dirname "$0")/stack_check.sh"

report=$work/report.json

examine() {
    timeout 240 testssl --quiet --warnings off --color 0 --severity LOW --jsonfile "$report" -p -s -f -U --add-ca "$run/tls/ca.crt" \
        "https://localhost:$(setting BASE_URL | sed 's/.*://')" >"$work/out" 2>&1
}
# With --severity the report holds only what is at least LOW.
nothing_found() { ! grep -E '"severity" *: *"(LOW|MEDIUM|HIGH|CRITICAL)"' "$report"; }
said() { grep -qE "$1" "$work/out"; }

stack start
expect "the stack starts" ends_with 0
examine
expect "it has looked at the protocols" said 'TLS 1.3 +offered \(OK\)'
expect "it has looked for vulnerabilities" said 'Heartbleed .* not vulnerable'
expect "it has come to the end" test -s "$report"
expect "it has found nothing" nothing_found
