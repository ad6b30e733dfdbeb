#!/bin/sh
# Writes the tables of README.md between <!-- bench:begin --> and <!-- bench:end --> from bench/results/*.csv, then,
# folded, those of bench/results/details/*.csv.
#   bench/readme.sh [--check]      --check: changes nothing, fails when README.md is not up to date
# A results file has a header line, then rows; fields hold no commas. Lines that begin with # stand above the table as
# text: the command that made it, machine, date.
set -eu
cd "$(dirname "$0")/.."
new=$(mktemp "${TMPDIR:-/tmp}/sillok-readme.XXXXXX")
trap 'rm -f "$new" "$new.table"' EXIT

# What most readers look for stands first.
shown=
for f in bench/results/speed.csv bench/results/*.csv bench/results/details/*.csv; do
    [ -f "$f" ] || continue
    case "$shown" in *" $f "*) continue ;; esac
    shown="$shown $f "
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
done >"$new.table"

awk -v table="$new.table" '
    /^<!-- bench:begin -->$/ { print; begun++; while ((getline line < table) > 0) print line; inside = 1; next }
    /^<!-- bench:end -->$/ { inside = 0; ended++ }
    !inside { print }
    END { if (begun != 1 || ended != 1) { print "README.md: one bench:begin and one bench:end expected" > "/dev/stderr"; exit 1 } }
    ' README.md >"$new"
if [ "${1-}" = --check ]; then
    cmp -s "$new" README.md || { echo "README.md is not what bench/results says: run bench/readme.sh" >&2; exit 1; }
else
    cmp -s "$new" README.md || cat "$new" >README.md
fi
