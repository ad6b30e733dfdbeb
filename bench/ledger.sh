#!/bin/sh
# Entries per second that the record takes on this disk, each group made durable with one sync: for groups of 1, 16, 64 and
# 256, with nothing beside the entries and with token ids.
#   bench/ledger.sh     (or ./dev bench ledger); SILLOK_BENCH_DIR: a folder on the disk to measure (default: build)
set -eu
cd "$(dirname "$0")/.."
build=${SILLOK_BUILD:-build}
seconds=3
tool=$build/tests/tool_ledger
make --no-print-directory -s "B=$build" "$tool" >&2
work=$(mktemp -d "${SILLOK_BENCH_DIR:-$build}/bench-ledger.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p bench/results
{
    echo "# The record of answers: durable entries and commits a second, $seconds s each: \`bench/ledger.sh\`; $(df --output=fstype "$work" | tail -n 1); $(date -u +%Y-%m-%d)."
    echo "group,kept,entries/s,commits/s"
    for keep in none ids; do
        for group in 1 16 64 256; do
            "$tool" rate "$work/$keep-$group" "$seconds" "$group" "$keep"
        done
    done
} >bench/results/ledger.csv.new
mv bench/results/ledger.csv.new bench/results/ledger.csv
cat bench/results/ledger.csv
