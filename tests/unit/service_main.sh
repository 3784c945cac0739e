#!/bin/sh
# A service's main.c is a table of contents: it stays under 60 lines (issue 2, libcommon).
cd "$(dirname "$0")/../.." || exit 1
failed=0
for file in services/*/main.c; do
    lines=$(wc -l <"$file")
    if [ "$lines" -lt 60 ]; then echo "ok - $file has $lines lines"; else echo "not ok - $file has $lines lines"; failed=1; fi
done
exit $failed
