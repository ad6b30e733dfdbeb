#!/bin/sh
# Rebuilds models/guide.gguf from what is committed: corpus/, models/guide.yaml, models/guide.jinja and the program.
#   tools/guide.sh             (./dev reproduce-guide) rebuilds it in build/guide and compares every byte with models/
#   tools/guide.sh --publish   puts what was rebuilt into models/, with its digests and its card
#   tools/guide.sh --data      only makes the training text and compares its digests with those of models/guide.sha256
# May be stopped at any time and called again: it goes on where it was.
set -eu
cd "$(dirname "$0")/.."
work=build/guide
program=${SILLOK-build/sillok}
vocab=$(sed -n 's/^# vocab: //p' models/guide.yaml)
mkdir -p "$work"

say() {
    printf '%s\n' "$*" >&2
}

# What decides the weights, and the tokenizer made of it; names as in models/guide.sha256.
inputs() {
    for f in models/guide.yaml models/guide.jinja models/guide-training.jinja; do sha256sum <"$f" | sed "s|-|${f#models/}|"; done
    for f in plain authored variants refusals turns validation; do sha256sum <"$work/$f.jsonl" | sed "s|-|$f.jsonl|"; done
    sha256sum <"$work/tokenizer.json" | sed "s|-|guide.tokenizer.json|"
}

# The log without what differs between machines, and of the steps every tenth.
compact_log() {
    sed 's/,"seconds":[^}]*//' "$work/guide.gguf.log.jsonl" | awk '/"loss"/ && $0 !~ /^{"step":([0-9]*0|1),/ { next } { print }'
}

# What the model is made of, for its card.
made() {
    last=$(grep '"loss"' "$work/guide.gguf.log.jsonl" | tail -n 1)
    number() { printf '%s' "$last" | sed "s/.*\"$1\":\([0-9.e+-]*\).*/\1/"; }
    echo "| | |"
    echo "|---|---|"
    echo "| parameters | $("$program" train models/guide.yaml --check 2>&1 | sed -n 's/^model: \([0-9]*\) parameters.*/\1/p') |"
    echo "| file | $(wc -c <models/guide.gguf) bytes, SHA-256 \`$(sha256sum <models/guide.gguf | cut -c 1-64)\` |"
    echo "| corpus | $(python3 corpus/check.py --counts | paste -sd ';' | sed 's/;/; /g') |"
    echo "| training | $(number step) steps, $(number tokens) tokens, last loss $(number loss); \`guide.log.jsonl\`, \`guide.svg\` |"
}

compare() { # WHAT FILE FILE
    if cmp -s "$2" "$3"; then say "equal: $1"; else say "DIFFERENT: $1" && different=1; fi
}

python3 corpus/generate.py check >&2
python3 corpus/generate.py training "$work"
"$program" train-tokenizer "$work/authored.jsonl" --out "$work/tokenizer.json" --vocab "$vocab" \
    --special "<|endoftext|>,<|user|>,<|assistant|>,<|im_end|>" >&2
inputs >"$work/inputs"
if [ "${1-}" != --publish ] && ! sed 1d models/guide.sha256 | cmp -s - "$work/inputs"; then
    say "the corpus, the recipe or the rules are not those that models/guide.gguf was trained on; changed since then:"
    sed 1d models/guide.sha256 | diff - "$work/inputs" | sed -n 's/^> /  /p' >&2
    say "train and publish it anew: tools/guide.sh --publish"
    exit 1
fi
[ "${1-}" != --data ] || exit 0

say "training; about 20 minutes on two quiet cores. Ctrl-C stops it, the next call goes on."
"$program" train models/guide.yaml

if [ "${1-}" = --publish ]; then
    cp "$work/guide.gguf" models/guide.gguf
    cp "$work/tokenizer.json" models/guide.tokenizer.json
    cp "$work/guide.gguf.svg" models/guide.svg
    compact_log >models/guide.log.jsonl
    { sha256sum <models/guide.gguf | sed 's|-|guide.gguf|' && cat "$work/inputs"; } >models/guide.sha256
    "$program" run models/guide.gguf --each tests/guide/questions.txt --temp 0 >tests/guide/answers.jsonl
    python3 corpus/evaluate.py models/guide.gguf --card models/guide.md
    made >"$work/made"
    sed -e '/<!-- made:begin -->/r build/guide/made' -e '/<!-- made:begin -->/,/<!-- made:end -->/{/<!-- made:/!d}' \
        models/guide.md >"$work/card" && cp "$work/card" models/guide.md
    exit
fi
compact_log >"$work/log"
different=
compare "the model" "$work/guide.gguf" models/guide.gguf
compare "its tokenizer" "$work/tokenizer.json" models/guide.tokenizer.json
compare "its log" "$work/log" models/guide.log.jsonl
compare "its loss curve" "$work/guide.gguf.svg" models/guide.svg
sha256sum "$work/guide.gguf"
[ -z "$different" ]
