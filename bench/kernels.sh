#!/bin/sh
# The packed linear kernels on one thread: shares of this machine's limits for every format and instruction set, and what
# the canonical order of additions costs beside kernels that are free in it. To bench/results/details/kernels-*.csv and
# order-*.csv, one pair for each machine.
set -eu
cd "$(dirname "$0")/.."
make --no-print-directory B=build build/tests/tool_kernel_rates build/tests/tool_free_order_vnni >&2
machine=$(sed -n 's/^model name[[:space:]]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
[ -n "$machine" ] || machine=$(uname -m)
slug=$(printf '%s' "$machine" | tr '[:upper:]' '[:lower:]' | tr -c 'a-z0-9' '-' | sed 's/--*/-/g; s/^-//; s/-$//')
out=bench/results/details
mkdir -p "$out"
{
    echo "# The packed kernels of linear layers on one thread (2048 outputs): rates and shares of what this machine can do; 8-bit operations, for F32, F16 and BF16 float ones: bench/kernels.sh; $machine; $(date -u +%Y-%m-%d)."
    build/tests/tool_kernel_rates
    if grep -q avx512f /proc/cpuinfo 2>/dev/null; then
        build/tests/tool_kernel_rates --cpu avx2 Q8_0 Q4_0 Q4_K Q6_K | tail -n +2
    fi
} >"$out/kernels-$slug.csv.new"
mv "$out/kernels-$slug.csv.new" "$out/kernels-$slug.csv"
cat "$out/kernels-$slug.csv"
grep -q avx512_vnni /proc/cpuinfo 2>/dev/null || exit 0
{
    echo "# The canonical order of additions beside the same kernels free in it (and in how a minimum's product is rounded): rates of both and the median of 9 interleaved ratios: bench/kernels.sh; $machine; $(date -u +%Y-%m-%d)."
    build/tests/tool_free_order_vnni Q8_0 Q4_0 Q4_K Q6_K
} >"$out/order-$slug.csv.new"
mv "$out/order-$slug.csv.new" "$out/order-$slug.csv"
cat "$out/order-$slug.csv"
