#!/bin/sh
# sillok bench: its tables, its JSON, its lines, its complaints. The figures themselves are for ./dev bench.
. tests/cli/tap.sh
m=$tap_tmp/model.gguf
ok "a model to try" "$SILLOK_BUILD/tests/tool_make_model" "$m" --type Q8_0
exits "a table" 0 "$SILLOK" bench "$m" -p 20 -n 3 -b 1,3 -r 1 --threads 2
has "... with the machine's limits" "$(cat "$tap_tmp/out")" "GB/s read"
has "... prefill" "$(cat "$tap_tmp/out")" "prefill 20 "
has "... and decoding together" "$(cat "$tap_tmp/out")" "decode 3 x 3 "
exits "JSON" 0 "$SILLOK" bench "$m" -p 20 -n 3 -b 1,3 -r 1 --depth 70 --json
has "... with the figures" "$(cat "$tap_tmp/out")" '"test":"decode","n":3,"batch":3,"depth":70,"tokens_per_s":[0-9]'
printf 'prefill 20\ndecode 3 2\ncalibrate\n' | "$SILLOK" bench "$m" --each >"$tap_tmp/out" 2>"$tap_tmp/err"
is "one figure for each line" "$?, $(grep -c '^[0-9][0-9.]*$' "$tap_tmp/out")" "0, 3"
printf 'fly 20\n' | "$SILLOK" bench "$m" --each >"$tap_tmp/out" 2>"$tap_tmp/err"
is "a line that is none" "$?" 1
has "... is named, with those there are" "$(cat "$tap_tmp/err")" "fly 20*prefill N"
exits "sequences that are none" 2 "$SILLOK" bench "$m" -b 1,x
exits "no sequences" 2 "$SILLOK" bench "$m" -b ""
exits "longer than the model's context" 1 "$SILLOK" bench "$m" -p 100000
has "... is said" "$(cat "$tap_tmp/err")" "context"
done_testing
