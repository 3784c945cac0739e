# shellcheck shell=bash
# What was measured, and what it should be.

result() { printf '%s %s\n' "$1" "$2" | tee -a "$WORK/results"; }

# The goals with what was measured: name, value, goal, whether it is reached; tabs between.
goals_reached() {
    awk 'NR == FNR { value[$1] = $2; next }
        $1 in value {
            is_reached = $2 == "<=" ? value[$1] <= $3 + 0 : value[$1] >= $3 + 0
            printf "%s\t%s\t%s %s\t%s\n", $1, value[$1], $2, $3, is_reached ? "yes" : "no"
        }' "$WORK/results" <(goals)
}

# Where results for programs go: made with the mark by which the stack knows its own folder.
report_folder() { [ -d "$TOP/.run" ] || { mkdir "$TOP/.run" && : >"$TOP/.run/.crm-run"; }; }

lists_table() {
    printf '| list | first | p50 | p95 | max |\n|---|---:|---:|---:|---:|\n'
    awk -F'\t' '{ printf "| %s: %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, $6 }' "$WORK/lists"
}
