#!/bin/sh
# A simulated year of the planner: 105,120 steps with weather, demand, plant, dispatch and tariff, on one thread. The
# sun's geometry is kept, the weather's series are made anew, every step is kept. Median of the rounds, processor time.
#   bench/plan.sh     (or ./dev bench plan)
set -eu
cd "$(dirname "$0")/.."
build=${SILLOK_BUILD:-build}
rounds=21
tool=$build/tests/tool_plan_speed
make --no-print-directory -s "B=$build" "$tool" >&2
cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | tr -d ,)
mkdir -p bench/results
{
    echo "# A year of the planner in 5-minute steps (105120; all models and the rule dispatcher) on one thread: \`bench/plan.sh\`;"
    echo "# processor time of the median of $rounds rounds, at most 50 ms wanted; ${cpu:-unknown processor}; $(date -u +%Y-%m-%d)."
    echo "design,steps,ms a year,ns a step"
    for f in korea-250mw haenam-renewable-hub small-1mw; do
        "$tool" "examples/$f.yaml" "$rounds" | tr -d '{}[]",:' | awk -v name="$f" '
            { n = 0; for (i = 4; i <= NF; i++) t[++n] = $i
              for (i = 2; i <= n; i++) for (j = i; j > 1 && t[j] < t[j - 1]; j--) { x = t[j]; t[j] = t[j - 1]; t[j - 1] = x }
              m = t[int((n + 1) / 2)]; printf "%s,%d,%.1f,%.0f\n", name, $2, m, m * 1e6 / $2 }'
    done
} >bench/results/plan.csv.new
mv bench/results/plan.csv.new bench/results/plan.csv
cat bench/results/plan.csv
