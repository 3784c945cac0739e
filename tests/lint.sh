#!/usr/bin/env bash
# What the compiler does not check: layers, third-party quarantine, sizes, banned functions, SQL, headers, stale documents.
#   make lint                      all of it
#   tests/lint.sh [BUILD]          the same; BUILD has gen/ and bin/. Needs LINT_CFLAGS (the build's), or `make lint` sets it.
# One line for each finding; exit status 1 when there is one.
set -uo pipefail
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$(realpath -m -- "${1:-$top/build/release}")
cd "$top" || exit

FUNCTION_MAX=60 # lines, braces included
FILE_MAX=400    # lines of a C file
LINE_MAX=140    # characters of a line of C

# Lower layers first: a file includes its own layer and those before it. Generated headers have the layer that is named.
LAYERS="base json schema io http auth rest app"
GENERATED="schemas.h=schema permissions.h=schema registry.h=schema *_routes.h=rest"

# header (end of the name between < and >), files that may include it
QUARANTINE='
evhtp.h      ^common/http/server[a-z_]*[.][ch]$
libpq-fe.h   ^common/io/pg_[a-z_]*[.][ch]$|^tests/
cJSON.h      ^common/json/json_read[.]c$|^proto-json-schemas/generator/|^tests/
jwt.h        ^common/auth/token[.]c$|^tests/
unicode/     ^common/base/(pinyin|han_latin)[.]c$|^tests/unit/test_pinyin[.]c$
hiredis.h    ^common/io/redis[a-z_]*[.][ch]$|^tests/
openssl/ssl.h  ^common/http/(tls|stream)[.]c$|^tests/
event2/dns.h ^common/http/resolve[.]c$
hiredis/     ^common/io/redis[a-z_]*[.][ch]$|^tests/
'

BANNED="strcpy strcat stpcpy sprintf vsprintf gets"
# Banned in what is shipped; a test may run a command, block, and trust what it reads.
BANNED_SHIPPED="strncat strtok atoi atol atoll atof scanf sscanf fscanf vsscanf alloca system popen
                PQexec PQexecParams PQexecPrepared"
# file, function, why
EXCEPTIONS='
common/io/pg_connect.c  PQexec   LISTEN, on the work thread, before the connection is handed over
common/io/pg_result.c   atoi     the row count in a command tag, which PostgreSQL wrote
'

findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

c_files() { find common services gateway proto-json-schemas tests -name '*.[ch]' | sort; }
headers() { c_files | grep '[.]h$'; }
shell_files() { find deploy tests docs .ci -type f \( -name '*.sh' -o -path '.ci/*' \) | sort; }

# --- C, line by line -----------------------------------------------------------------------------------------------------

# Comments and the insides of strings are blanked before anything looks for code.
c_check() {
    c_files | xargs awk -v layers="$LAYERS" -v generated="$GENERATED" -v quarantine="$QUARANTINE" -v banned="$BANNED" \
        -v shipped="$BANNED_SHIPPED" -v exceptions="$EXCEPTIONS" -v function_max=$FUNCTION_MAX -v file_max=$FILE_MAX -v line_max=$LINE_MAX '
        function say(text) { print FILENAME ":" FNR ": " text }

        function blank(line,    out, i, c, n) {
            out = ""
            n = length(line)
            for (i = 1; i <= n; i++) {
                c = substr(line, i, 1)
                if (in_comment) {
                    if (c == "*" && substr(line, i + 1, 1) == "/") { in_comment = 0; i++ }
                } else if (quote != "") {
                    if (c == "\\") i++
                    else if (c == quote) { quote = ""; out = out c }
                } else if (c == "/" && substr(line, i + 1, 1) == "*") { in_comment = 1; i++ }
                else if (c == "/" && substr(line, i + 1, 1) == "/") break
                else {
                    if (c == "\"" || c == "\047") quote = c
                    out = out c
                }
            }
            quote = "" # a string ends with its line
            return out
        }

        function level_of(header,    part, i, rule) {
            if (split(header, part, "/") > 1) return part[1] in level ? level[part[1]] : 0
            for (i = 1; i <= generated_count; i++) {
                split(generated_rule[i], rule, "=")
                if (rule[1] == header || (rule[1] == "*_routes.h" && header ~ /_routes[.]h$/)) return level[rule[2]]
            }
            return 0
        }

        # Services and the gateway stand above all layers, but not on each other.
        function include_own(header,    folder, part) {
            folder = FILENAME
            sub(/\/[^\/]*$/, "", folder)
            split(header, part, "/")
            if (folder ~ /^common\//) {
                if (!level_of(header)) say("includes \"" header "\": common includes only its layers, as \"layer/file.h\"")
                else if (level_of(header) > level[substr(folder, 8)])
                    say("includes \"" header "\": " substr(folder, 8) " is a lower layer")
            } else if (folder ~ /^(services|gateway)/ && header ~ /\// && !(part[1] in level))
                say("includes \"" header "\": neither of common nor its own")
        }

        function include_foreign(header,    i) {
            for (i = 1; i <= quarantined; i++)
                if (index(header, foreign[i]) && FILENAME !~ home[i]) say("includes <" header ">, which belongs to " home[i])
        }

        function calls(code,    i, rest, before, after) {
            for (i in banned_name) {
                if (banned_name[i] == 2 && FILENAME ~ /^tests\//) continue
                rest = code
                while (match(rest, i "[ ]*\\(")) {
                    before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : " "
                    after = substr(rest, RSTART + RLENGTH)
                    if (before !~ /[A-Za-z0-9_.>]/ && !is_exception(i)) say("calls " i "()")
                    rest = after
                }
            }
        }

        function is_exception(name,    i) {
            for (i = 1; i <= exception_count; i++)
                if (index(FILENAME, exception_file[i]) == 1 && exception_name[i] == name) return 1
            return 0
        }

        function end_file() { if (last_file != "" && last_line > file_max) print last_file ":" last_line ": longer than " file_max " lines" }

        BEGIN {
            n = split(layers, names, " ")
            for (i = 1; i <= n; i++) level[names[i]] = i
            generated_count = split(generated, generated_rule, " ")
            n = split(quarantine, lines, "\n")
            for (i = 1; i <= n; i++) if (split(lines[i], part, " ") == 2) { foreign[++quarantined] = part[1]; home[quarantined] = part[2] }
            n = split(banned, names, " ")
            for (i = 1; i <= n; i++) banned_name[names[i]] = 1
            n = split(shipped, names, " ")
            for (i = 1; i <= n; i++) banned_name[names[i]] = 2
            n = split(exceptions, lines, "\n")
            for (i = 1; i <= n; i++) if (split(lines[i], part, " ") > 2) { exception_file[++exception_count] = part[1]; exception_name[exception_count] = part[2] }
        }
        FNR == 1 {
            end_file()
            in_comment = 0
            begun = 0
            last_file = FILENAME
            noun = FILENAME
            sub(/^.*\//, "", noun)
            sub(/[.]h$/, "", noun)
            if (FILENAME ~ /[.]h$/ && index($0, "/* " noun ": ") != 1) say("does not begin with its manual: /* " noun ": ...")
        }
        { last_line = FNR }
        /\t/ { say("holds a tab") }
        /[ \t\r]$/ { say("ends in white space") }
        {
            shown = $0
            gsub(/[\200-\277]/, "", shown) # bytes that continue a character
            if (length(shown) > line_max) say("is " length(shown) " characters wide")
        }
        /^#[ ]*include[ ]*"/ { header = $0; sub(/^[^"]*"/, "", header); sub(/".*/, "", header); include_own(header); next }
        /^#[ ]*include[ ]*</ { header = $0; sub(/^[^<]*</, "", header); sub(/>.*/, "", header); include_foreign(header); next }
        /"[ ]*(BEGIN|COMMIT|ROLLBACK|START TRANSACTION)[ ;"]/ && FILENAME !~ /^tests\// { say("an explicit transaction: a segment is one already") }
        { code = blank($0) }
        code ~ /\(/ { calls(code) }
        code ~ /^[{]/ { begun = FNR }
        code ~ /^[}]/ {
            if (begun && FNR - begun + 1 > function_max) say("the function that ends here has " FNR - begun + 1 " lines")
            begun = 0
        }
        END { end_file() }'
}

# --- SQL -----------------------------------------------------------------------------------------------------------------

# Bodies between $$ and comments are taken out, then statements begin after a semicolon.
sql_check() {
    find common services -name '*.sql' -type f | sort | xargs awk '
        FNR == 1 { in_body = 0; at_start = 1 }
        /[ \t]$/ { print FILENAME ":" FNR ": ends in white space" }
        {
            line = $0
            sub(/--.*/, "", line)
            out = ""
            n = split(line, part, /[$][$]/)
            for (i = 1; i <= n; i++) {
                if (!in_body) out = out " " part[i]
                if (i < n) in_body = !in_body
            }
            m = split(out, statement, ";")
            for (i = 1; i <= m; i++) {
                if ((i > 1 || at_start) && toupper(statement[i]) ~ /^ *(BEGIN|COMMIT|ROLLBACK|START +TRANSACTION|END)( |$)/)
                    print FILENAME ":" FNR ": an explicit transaction: each migration is one already"
                if (statement[i] ~ /[^ ]/) at_start = 0
                if (i < m) at_start = 1
            }
        }'
}

# --- headers, scripts, documents -----------------------------------------------------------------------------------------

headers_check() {
    if [ -z "${LINT_CFLAGS:-}" ]; then
        echo "tests/lint.sh: LINT_CFLAGS is not set: use make lint"
        return
    fi
    # shellcheck disable=SC2016,SC2086  # $1 is the inner shell's; the flags are words
    headers | xargs -P "$(nproc)" -I{} sh -c '
        header=$1
        shift
        out=$(gcc "$@" -Wno-unused-function -I"$(dirname "$header")" -fsyntax-only -x c "$header" 2>&1) ||
            echo "$header: does not compile alone: $(echo "$out" | grep -m 1 error)"' lint {} $LINT_CFLAGS
}

scripts_check() {
    command -v shellcheck >/dev/null || return 0
    shell_files | xargs shellcheck -x -S warning -f gcc
}

git_here() { git -c safe.directory="$top" -C "$top" "$@"; }

# `make gen` and `make docs` have just written them: what differs from the index was stale or is not added yet.
openapi_check() {
    git_here rev-parse --git-dir >/dev/null 2>&1 || return 0
    git_here diff --name-only -- docs/openapi | sed 's/$/: is stale: make gen, then add it/'
    git_here ls-files --others --exclude-standard -- docs/openapi | sed 's/$/: is new: add it/'
}

configuration_check() {
    local text
    text=$(docs/configuration.sh "$build") || { echo "docs/configuration.md: cannot be checked: make all"; return; }
    [ "$text" = "$(cat docs/configuration.md)" ] || echo "docs/configuration.md: is stale: make docs"
}

# Relative links of the Markdown files lead somewhere.
links_check() {
    local file target
    find . -maxdepth 1 -name '*.md' -o -path './docs/*' -name '*.md' | sort | while read -r file; do
        grep -oE '\]\([^)]+\)|(src|srcset)="[^"]+"' "$file" | sed -E 's/^\]\(//; s/\)$//; s/^[a-z]+="//; s/"$//; s/#.*//' |
            grep -vE '^([a-z]+:|$)' | while read -r target; do
            [ -e "$(dirname "$file")/$target" ] || echo "${file#./}: links to $target, which is not there"
        done
    done
}

for check in c sql headers scripts openapi configuration links; do "${check}_check" >>"$findings" 2>&1; done
cat "$findings"
count=$(wc -l <"$findings")
echo "lint: $count findings"
[ "$count" = 0 ]
