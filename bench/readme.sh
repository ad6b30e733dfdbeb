#!/bin/sh
# Writes the tables of README.md: between <!-- bench:first --> and <!-- bench:first:end --> the one of
# bench/results/speed.csv, between <!-- bench:begin --> and <!-- bench:end --> the others of bench/results/*.csv, then,
# folded, those of bench/results/details/*.csv.
#   bench/readme.sh [--check]      --check: changes nothing, fails when README.md is not up to date
# A results file has a header line, then rows; fields hold no commas. Lines that begin with # stand above the table as
# text: the command that made it, machine, date.
set -eu
cd "$(dirname "$0")/.."
new=$(mktemp "${TMPDIR:-/tmp}/sillok-readme.XXXXXX")
trap 'rm -f "$new" "$new.first" "$new.table"' EXIT

tables() { # FILE...: as Markdown
    for f in "$@"; do
        [ -f "$f" ] || continue
        awk -F, -v folded="$(case "$f" in */details/*) echo 1 ;; esac)" '
            { sub(/\r$/, "") }
            /^#/ { text = text (text == "" ? "" : " ") substr($0, 3); next }
            NF == 0 { next }
            !header { if (folded) print "<details><summary>" text "</summary>\n"
                else if (text != "") print text "\n"
                header = NF; cells($0); rule = "|"
                for (i = 1; i <= NF; i++) rule = rule (i == 1 ? "---|" : "---:|"); print rule; next }
            NF != header { print FILENAME ":" FNR ": " NF " fields instead of " header > "/dev/stderr"; exit 1 }
            { cells($0) }
            function cells(line) { gsub(/[ \t]*,[ \t]*/, " | ", line); print "| " line " |" }
            END { if (header) print ""; if (header && folded) print "</details>\n" }' "$f"
    done
}
tables bench/results/speed.csv >"$new.first"
others=
for f in bench/results/*.csv bench/results/details/*.csv; do
    [ "$f" = bench/results/speed.csv ] || others="$others $f"
done
# shellcheck disable=SC2086 # a list of words
tables $others >"$new.table"

awk -v first="$new.first" -v table="$new.table" '
    function put(file) { while ((getline line < file) > 0) print line; inside = 1; marks++ }
    /^<!-- bench:(first:)?end -->$/ { inside = 0; marks++ }
    !inside { print }
    /^<!-- bench:first -->$/ { put(first) }
    /^<!-- bench:begin -->$/ { put(table) }
    END { if (marks != 4) { print "README.md: its four bench marks are expected" > "/dev/stderr"; exit 1 } }
    ' README.md >"$new"
if [ "${1-}" = --check ]; then
    cmp -s "$new" README.md || { echo "README.md is not what bench/results says: run bench/readme.sh" >&2; exit 1; }
else
    cmp -s "$new" README.md || cat "$new" >README.md
fi
