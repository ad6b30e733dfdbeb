#!/bin/sh
# How long the scheduler takes to decide, with 1,000 requests alive all the time: processor time of the plans and the
# report of a step, and of a submit, over 2,000 steps. What its settings do is shown by `tool_sched chunk|slice|quantum`.
#   bench/sched.sh     (or ./dev bench sched)
set -eu
cd "$(dirname "$0")/.."
build=${SILLOK_BUILD:-build}
tool=$build/tests/tool_sched
make --no-print-directory -s "B=$build" "$tool" >&2
cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | tr -d ,)
out=bench/results/details/sched.csv
mkdir -p bench/results/details
{
    echo "# Scheduling with 1000 requests alive: microseconds of processor time a step and a request;"
    echo "# ${cpu:-unknown processor}; $(date -u +%Y-%m-%d) (\`./dev bench sched\`)."
    "$tool" time
} >"$out.new"
mv "$out.new" "$out"
cat "$out"
