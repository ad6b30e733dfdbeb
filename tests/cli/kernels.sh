#!/bin/sh
# sillok kernels: its table, its levels, its exit codes.
. tests/cli/tap.sh

out=$("$SILLOK" kernels --quick --cases 3)
is "every kernel equals the definition" "$?" 0
ok "the table has a head" sh -c 'printf "%s\n" "$1" | head -1 | grep -q "^level .*kernel .*cases .*result"' sh "$out"
is "nothing differs" "$(printf '%s\n' "$out" | grep -c FAILED)" 0

out=$("$SILLOK" kernels --cpu scalar --cases 1)
is "scalar is the definition" "$(printf '%s\n' "$out" | awk 'NR > 1 && ($1 != "scalar" || !/definition/)' | wc -l)" 0
ok "... with speeds" sh -c 'printf "%s\n" "$1" | grep -Eq "linear Q8_0 .*definition +[0-9.]+ +[0-9.]+$"' sh "$out"

exits "an unknown level is a wrong usage" 2 "$SILLOK" kernels --cpu best
exits "... from the environment too" 2 env SILLOK_CPU=best "$SILLOK" kernels
exits "no cases is a wrong usage" 2 "$SILLOK" kernels --cases 0
exits "an argument too many is a wrong usage" 2 "$SILLOK" kernels avx2
done_testing
