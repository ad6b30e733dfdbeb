#!/bin/sh
# sillok plan: what a newcomer does right and wrong.
. tests/cli/tap.sh
d=$tap_tmp/d.yaml

# --- a design from its beginning to its report ---
exits "a design runs" 0 "$SILLOK" plan run examples/small-1mw.yaml
has "... says what it gives" "$(cat "$tap_tmp/out")" "answer tokens"
has "... and what it costs" "$(cat "$tap_tmp/out")" "NPV"
has "... and what it rests on" "$(cat "$tap_tmp/out")" "synthetic"
is "... with nothing on standard error" "$(cat "$tap_tmp/err")" ""
exits "in Korean" 0 "$SILLOK" plan run examples/small-1mw.yaml --lang ko
has "... with Korean words" "$(cat "$tap_tmp/out")" "계약전력"
exits "from standard input" 0 sh -c '"$SILLOK" plan run - <examples/small-1mw.yaml'
exits "all results" 0 "$SILLOK" plan run examples/small-1mw.yaml --all
has "... also those beyond the screen" "$(cat "$tap_tmp/out")" "per token, median"
exits "JSON and CSV" 0 "$SILLOK" plan run examples/small-1mw.yaml --json --csv "$tap_tmp/s.csv"
cp "$tap_tmp/out" "$tap_tmp/one.json"
has "... results by key" "$(cat "$tap_tmp/one.json")" '"key": "power.pue"'
is "... a row for each step" "$(wc -l <"$tap_tmp/s.csv" | tr -d ' ')" 105121
is "... no number missing" "$(grep -cE 'nan|inf|,,' "$tap_tmp/s.csv")" 0
exits "again" 0 "$SILLOK" plan run examples/small-1mw.yaml --json --threads 3
ok "... the same bytes" cmp "$tap_tmp/out" "$tap_tmp/one.json"
exits "a report" 0 "$SILLOK" plan run examples/small-1mw.yaml --report "$tap_tmp/r.html"
has "... one page" "$(tail -c 20 "$tap_tmp/r.html")" "</html>"
is "... that loads nothing" "$(grep -ciE '(src|href)="?https?:' "$tap_tmp/r.html")" 0
for f in examples/*.yaml; do
    case "$f" in */serve.yaml) continue ;; esac # settings of the server
    exits "$f" 0 "$SILLOK" plan run "$f" --json; done

# --- what is known ---
exits "check" 0 "$SILLOK" plan check
has "... Frontier" "$(cat "$tap_tmp/out")" "RAPS Frontier"
has "... KEPCO" "$(cat "$tap_tmp/out")" "KEPCO"
has "... nothing missed without an explanation" "$(cat "$tap_tmp/out")" " passed, 0 missed,"
exits "check without data" 0 "$SILLOK" plan check --data "$tap_tmp"
has "... skips with a reason" "$(cat "$tap_tmp/out")" "skipped: needs data/"
exits "sources" 0 "$SILLOK" plan sources examples/korea-250mw.yaml
has "... with the line" "$(cat "$tap_tmp/out")" "examples/korea-250mw.yaml:"
has "... and the source" "$(cat "$tap_tmp/out")" "Source: "
exits "help" 0 "$SILLOK" plan help
exits "help on a word" 0 "$SILLOK" plan help battery
has "... with units" "$(cat "$tap_tmp/out")" "MWh"
exits "help on nothing" 2 "$SILLOK" plan help nosuchword
exits "without a verb" 2 "$SILLOK" plan
exits "an unknown verb" 2 "$SILLOK" plan rum
has "... names the near one" "$(cat "$tap_tmp/err")" "did you mean run?"

# --- wrong designs: 1, with file, line and what is allowed ---
wrong() { # NAME, sed program on the base example, what the message says
    sed "$2" examples/korea-250mw.yaml >"$d"
    exits "$1" 1 "$SILLOK" plan run "$d"
    has "... is said with its line" "$(cat "$tap_tmp/err")" "$3"
}
wrong "an unknown key" 's/  contract: 250 MW/  contrakt: 250 MW/' 'd.yaml:*:3: unknown key "site.contrakt" (did you mean contract?)'
wrong "no unit" 's/contract: 250 MW/contract: 250/' 'd.yaml:*:13: site.contract: "250" needs a unit: W, kW, MW, GW'
wrong "a wrong unit" 's/contract: 250 MW/contract: 250 MWh/' 'wrong unit MWh; allowed: W, kW, MW, GW'
wrong "a negative capacity" 's/contract: 250 MW/contract: -1 MW/' 'allowed: 0.01 to 10000 MW'
wrong "a PUE below 1" 's/^site:/site:\n  design_pue: 0.9/' 'site.design_pue is 0.9; allowed: 1 to 3'
wrong "a service level out of reach" 's/    kind: chat/    kind: chat\n    tpot: 0.5 ms/' 'd.yaml:*: services?chat?.tpot: 0.5 ms is out of reach'
wrong "no weather file" 's/source: synthetic/source: epw/' 'weather.file is missing'
wrong "a weather file that is not there" 's/source: synthetic/source: epw\n  file: no.epw/' 'd.yaml:*: weather.file: cannot open'
wrong "more than the contract" 's/contract: 170 MW/contract: 270 MW/' 'd.yaml:*: build.phases?1?.contract is 270 MW; allowed: at most site.contract'
wrong "GPUs that idle above the contract" 's/hardware: dgx-b300/hardware: dgx-b300\n    gpus: 900000/' 'site.contract of 250.000 MW is too small'
wrong "an unknown system" 's/dgx-b300/dgx-b400/' 'allowed: dgx-h100'
wrong "a key twice" 's/^weather:/site: {name: b}\nweather:/' 'given before'
printf 'site: [\n' >"$d"
exits "not YAML" 1 "$SILLOK" plan run "$d"
has "... is said with its line" "$(cat "$tap_tmp/err")" "d.yaml:2:1: not YAML"
exits "no such file" 1 "$SILLOK" plan run "$tap_tmp/none.yaml"
exits "a CSV where none can be" 1 "$SILLOK" plan run examples/small-1mw.yaml --csv "$tap_tmp/none/x.csv"

# --- weather files ---
epw=$SILLOK_SHARED/data/weather/KOR_IN_Incheon.WS.471120_TMYx.2011-2025.epw.zst
if [ -f "$epw" ]; then
    cp "$epw" "$tap_tmp/w.epw.zst"
    sed 's/source: synthetic/source: epw\n  file: w.epw.zst/' examples/korea-250mw.yaml >"$d"
    exits "an EPW beside the design" 0 "$SILLOK" plan run "$d"
    has "... is named" "$(cat "$tap_tmp/out")" "EPW"
    if command -v zstd >/dev/null 2>&1; then
        zstd -dqc "$epw" | sed '5000d' >"$tap_tmp/gap.epw"
        sed 's/source: synthetic/source: epw\n  file: gap.epw/' examples/korea-250mw.yaml >"$d"
        exits "an EPW with a gap" 1 "$SILLOK" plan run "$d"
        has "... names the line" "$(cat "$tap_tmp/err")" "gap.epw:5000"
    else
        skip "an EPW with a gap" "no zstd"
        skip "... names the line" "no zstd"
    fi
else
    for t in "an EPW beside the design" "... is named" "an EPW with a gap" "... names the line"; do skip "$t" "no $epw"; done
fi
done_testing
