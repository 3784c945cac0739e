#!/bin/sh
# The main.c of a service, and of the gateway, is a table of contents: it stays under 60 lines.
cd "$(dirname "$0")/../.." || exit 1
failed=0
for file in services/*/main.c gateway/main.c; do
    lines=$(wc -l <"$file")
    if [ "$lines" -lt 60 ]; then echo "ok - $file has $lines lines"; else echo "not ok - $file has $lines lines"; failed=1; fi
done
exit $failed
