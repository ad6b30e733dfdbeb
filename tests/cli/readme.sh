#!/bin/sh
# The tables of README.md come from bench/results and are up to date.
# sanitizers: no
. tests/cli/tap.sh

ok "README.md is what bench/results says" sh bench/readme.sh --check

tree=$tap_tmp/tree
mkdir -p "$tree/bench/results"
cp bench/readme.sh "$tree/bench/"
printf 'before\n<!-- bench:first -->\nold\n<!-- bench:first:end -->\nbetween\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n' >"$tree/README.md"
printf 'speed\n9\n' >"$tree/bench/results/speed.csv"
printf '# Made by x,\n# on y.\nmodel,tokens/s\na, 1.5\nb,2\n' >"$tree/bench/results/one.csv"
exits "an old table is noticed" 1 sh "$tree/bench/readme.sh" --check
ok "tables are written" sh "$tree/bench/readme.sh"
is "... rightly" "$(cat "$tree/README.md")" "before
<!-- bench:first -->
| speed |
|---|
| 9 |

<!-- bench:first:end -->
between
<!-- bench:begin -->
Made by x, on y.

| model | tokens/s |
|---|---:|
| a | 1.5 |
| b | 2 |

<!-- bench:end -->
after"
mkdir "$tree/bench/results/details"
printf '# In full.\nx\n1\n' >"$tree/bench/results/details/all.csv"
ok "details are written" sh "$tree/bench/readme.sh"
is "... behind the rest, folded" "$(sed -n '/<details>/,/<.details>/p' "$tree/README.md")" "<details><summary>In full.</summary>

| x |
|---|
| 1 |

</details>"
rm -r "$tree/bench/results/details"
ok "... and taken away again" sh "$tree/bench/readme.sh"
ok "... and are up to date then" sh "$tree/bench/readme.sh" --check
printf 'model,tokens/s\na\n' >"$tree/bench/results/one.csv"
exits "a row with a missing field is an error" 1 sh "$tree/bench/readme.sh"
printf '# a mark is missing\n<!-- bench:begin -->\n<!-- bench:end -->\n' >"$tree/README.md"
exits "a README with half of its marks is an error" 1 sh "$tree/bench/readme.sh"
echo "no markers" >"$tree/README.md"
rm "$tree/bench/results/one.csv"
exits "a README without markers is an error" 1 sh "$tree/bench/readme.sh"
is "... and stays as it was" "$(cat "$tree/README.md")" "no markers"
done_testing
