#!/bin/sh
# sillok train: the same bytes with any threads and instruction set and after kill -9 at any moment; errors that stop
# clearly and keep the last good checkpoint.
. tests/cli/tap.sh

fresh() { # an own copy of the small run
    rm -rf "$tap_tmp/run"
    cp -r tests/learn "$tap_tmp/run"
}
train() {
    "$SILLOK" train "$tap_tmp/run/nano.yaml" -q "$@"
}
sum() {
    sha256sum <"$tap_tmp/run/$1" | cut -c 1-64
}
# The log without its times.
log() {
    sed 's/"seconds":[^}]*//' "$tap_tmp/run/nano.gguf.log.jsonl"
}

fresh
ok "a recipe is trained" train -t 1
want=$(sum nano.gguf)
is "its bytes are those known from other machines" "$want" "$(cat tests/learn/nano.sha256)"
want_log=$(log)
want_svg=$(sum nano.gguf.svg)
first=$(printf '%s\n' "$want_log" | sed -n 's/^{"step":1,.*"loss":\([0-9]*\).*/\1/p')
last=$(printf '%s\n' "$want_log" | sed -n 's/^{"step":16,.*"loss":\([0-9]*\).*/\1/p')
ok "the loss falls (from $first.x to $last.x)" test "$last" -lt "$first"
is "the log has a line for every step" "$(printf '%s\n' "$want_log" | grep -c '"loss"')" 16
has "... evaluations" "$want_log" '{"step":5,"eval_loss":'
has "... and samples" "$want_log" '"prompt":"안녕"'
ok "the model runs" "$SILLOK" run "$tap_tmp/run/nano.gguf" -p "안녕" -n 4 --temp 0
has "the curve is an SVG" "$(cat "$tap_tmp/run/nano.gguf.svg")" "<polyline"

for t in 2 4; do
    fresh
    train -t "$t"
    is "$t threads give the same bytes" "$(sum nano.gguf)" "$want"
done
for level in avx2 avx512 neon; do
    fresh
    if "$SILLOK" train tests/learn/nano.yaml --check --cpu "$level" >/dev/null 2>&1; then
        train --cpu "$level"
        is "$level gives the same bytes" "$(sum nano.gguf)" "$want"
    else
        skip "$level gives the same bytes" "this machine has no $level"
    fi
done
fresh
train --cpu scalar --until 2
is "the definition gives the same log" "$(log)" "$(printf '%s\n' "$want_log" | head -n 2)"
train
is "... and others go on from it" "$(sum nano.gguf)" "$want"

# Activations kept as bf16: other gradients, so other bytes, but the same in every place.
bf16() {
    fresh
    sed 's/^seed: 7/seed: 7\nstorage: bf16/' tests/learn/nano.yaml >"$tap_tmp/run/nano.yaml"
}
bf16
ok "a recipe with storage: bf16 is trained" train -t 1
half=$(sum nano.gguf)
is "its bytes are those known from other machines" "$half" "$(cat tests/learn/nano-bf16.sha256)"
ok "... and not those of f32" test "$half" != "$want"
is "its first loss is that of f32" "$(log | head -n 1 | sed 's/"lr".*//')" "$(printf '%s\n' "$want_log" | head -n 1 | sed 's/"lr".*//')"
bf16
train -t 2 --until 5
kill_at=$(sum nano.gguf.ckpt)
train --cpu scalar -t 4 --until 6
ok "... and it goes on from a checkpoint" test "$kill_at" = "$(sum nano.gguf.ckpt.old)"
train -t 2
is "... with other threads and instruction sets: the same bytes" "$(sum nano.gguf)" "$half"

# Questions that differ at each reading, by a tokenizer with merges.
altered() {
    fresh
    "$SILLOK" train-tokenizer "$tap_tmp/run/lines.txt" "$tap_tmp/run/dialogue.jsonl" --vocab 420 \
        --out "$tap_tmp/run/tokenizer.json" --special "<|endoftext|>,<|im_start|>,<|im_end|>" 2>/dev/null
    sed 's/^  - {path: dialogue.jsonl, kind: dialogue, weight: 2}/  - {path: dialogue.jsonl, kind: dialogue, weight: 2, drop_tokens: 0.1, split_tokens: 0.2}/' \
        tests/learn/nano.yaml >"$tap_tmp/run/nano.yaml"
}
altered
ok "a recipe with drop_tokens and split_tokens is trained" train -t 1
noisy=$(sum nano.gguf)
is "its bytes are those known from other machines" "$noisy" "$(cat tests/learn/nano-noise.sha256)"
ok "... and not those without" test "$noisy" != "$want"
altered
for until in 3 4 7 11; do
    "$SILLOK" train "$tap_tmp/run/nano.yaml" -q -t 2 --until "$until" # stopped within a reading, and going on
done
"$SILLOK" train "$tap_tmp/run/nano.yaml" -q --cpu scalar -t 4 --until 12
"$SILLOK" train "$tap_tmp/run/nano.yaml" -q -t 2 2>/dev/null &
pid=$!
sleep 0.02
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
train -t 2
is "... stopped, killed, with other threads and instruction sets: the same bytes" "$(sum nano.gguf)" "$noisy"

# A unigram tokenizer goes through training into the model file.
fresh
ok "a unigram tokenizer is made" "$SILLOK" train-tokenizer "$tap_tmp/run/lines.txt" "$tap_tmp/run/dialogue.jsonl" \
    --kind unigram --vocab 420 --out "$tap_tmp/run/tokenizer.json"
ok "... and a model trained with it" train
sed 's/weight: 2}/weight: 2, split_tokens: 0.1}/' tests/learn/nano.yaml >"$tap_tmp/run/nano.yaml"
exits "... whose tokens cannot be split" 1 train --restart
has "... and it says so" "$(cat "$tap_tmp/err")" "this tokenizer has no merges"
sed 's/weight: 2}/weight: 2, drop_tokens: 0.1}/' tests/learn/nano.yaml >"$tap_tmp/run/nano.yaml"
ok "... but left out" train --restart
tokens() { # FILE
    printf '{"text":"번호 3은 안녕하세요! 뷁쒧 tokens 12"}\n' | "$SILLOK" tokenize "$tap_tmp/run/$1" --jsonl
}
is "... whose file tokenizes as the tokenizer.json does" "$(tokens nano.gguf)" "$(tokens tokenizer.json)"
ok "... and runs" "$SILLOK" run "$tap_tmp/run/nano.gguf" -p "안녕" -n 4 --temp 0

# kill -9 at moments that differ; every step writes a checkpoint, so that many fall into one.
fresh
kills=0
while [ "$kills" -lt 60 ]; do
    "$SILLOK" train "$tap_tmp/run/nano.yaml" -q -t 2 2>/dev/null & # no function: its process must be the program
    pid=$!
    sleep "0.0$((kills % 7 + 3))"
    kill -9 "$pid" 2>/dev/null || { wait "$pid" && break; }
    wait "$pid" 2>/dev/null
    kills=$((kills + 1))
done
ok "a run that is killed again and again ends (killed $kills times)" train
is "... with the same bytes" "$(sum nano.gguf)" "$want"
is "... the same log" "$(log)" "$want_log"
is "... the same curve" "$(sum nano.gguf.svg)" "$want_svg"
is "... and leaves nothing behind" "$(find "$tap_tmp/run" -name '*.tmp-*' | wc -l)" 0

fresh
train --until 9
printf 'x' | dd of="$tap_tmp/run/nano.gguf.ckpt" bs=1 seek=5000 conv=notrunc 2>/dev/null
ok "a damaged checkpoint: the one before it serves" train
is "... with the same bytes" "$(sum nano.gguf)" "$want"

fresh
train --until 6
before=$(sum nano.gguf.ckpt)
exits "a full disk stops the run" 1 sh -c 'trap "" XFSZ; ulimit -f 100; exec "$@"' sh "$SILLOK" train "$tap_tmp/run/nano.yaml" -q
has "... with the reason" "$(cat "$tap_tmp/err")" "cannot write"
is "... and the checkpoint stays" "$(sum nano.gguf.ckpt.old) $(sum nano.gguf.ckpt)" "$(sum nano.gguf.ckpt.old) $before"
train
is "... from which it goes on" "$(sum nano.gguf)" "$want"

sed 's/lr: 1e-2/lr: 10, decay: 10/; s/warmup: 3/warmup: 0/; s/steps: 16/steps: 400/' tests/learn/nano.yaml >"$tap_tmp/run/nano.yaml"
exits "another recipe does not take the checkpoint" 1 train
has "... and says so" "$(cat "$tap_tmp/err")" "belongs to another run"
exits "a loss that is no number stops the run" 1 train --restart
has "... with the step, and what is kept" "$(cat "$tap_tmp/err")" "is kept"

fresh
echo '{{ messages[-1].content }} alone' >"$tap_tmp/run/other.jinja"
printf 'shipped_template: other.jinja\n' >>"$tap_tmp/run/nano.yaml"
ok "a template of its own for the model file" train
has "... is in it" "$(grep -a -o 'content }} alone' "$tap_tmp/run/nano.gguf")" "alone"
is "... and the rest is as it was" "$(log)" "$want_log"
echo '{% for %}' >"$tap_tmp/run/other.jinja"
exits "a template that is none is refused" 1 train --restart
has "... by name" "$(cat "$tap_tmp/err")" "other.jinja"

bad() { # NAME SED-EXPRESSION PATTERN
    fresh
    sed "$2" tests/learn/nano.yaml >"$tap_tmp/run/nano.yaml"
    exits "$1" 1 train
    has "... $3" "$(cat "$tap_tmp/err")" "$3"
}
bad "an unknown key" 's/^  width:/  widht:/' 'nano.yaml:14:3: unknown key "widht" (did you mean width?)'
bad "a word for a number" 's/layers: 2/layers: two/' 'nano.yaml:13:11: model.layers is "two", not a number'
bad "a number out of range" 's/warmup: 3/warmup: -1/' 'optimizer.warmup is -1; allowed: 0 to'
bad "sizes that do not fit" 's/kv_heads: 2/kv_heads: 3/' '4 heads cannot share 3 kv_heads'
bad "a missing file" 's/lines.txt/none.txt/' 'none.txt'
bad "an unknown storage" 's/^seed: 7/storage: f16/' 'storage is "f16"; allowed: f32|bf16'
bad "a chance out of range" 's/weight: 2}/drop_tokens: 1.5}/' 'nano.yaml:23:57: drop_tokens is 1.5; allowed: 0 to 0.9'
bad "... and below it" 's/weight: 2}/split_tokens: -0.1}/' 'nano.yaml:23:58: split_tokens is -0.1; allowed: 0 to 0.9'
bad "altering what is no dialogue" 's/kind: lines,/kind: lines, drop_tokens: 0.1,/' 'nano.yaml:22:5: drop_tokens and split_tokens alter questions'
bad "altering what is evaluated" 's/^    - {path: dialogue.jsonl,/    - {split_tokens: 0.1, path: dialogue.jsonl,/' 'nano.yaml:28:7: drop_tokens and split_tokens alter questions'
bad "a missing key" '/^steps/d' 'steps is missing'
bad "no YAML" 's/^model:/model: [/' 'not YAML'
bad "no chat template" '/^chat_template/d' 'names no chat_template'
bad "the wrong splitting rules" 's/^seed: 7/pre: llama-bpe/' 'does not split texts as this tokenizer.json does'
fresh
printf '{"messages": [{"role": "user"}]}\n' >>"$tap_tmp/run/dialogue.jsonl"
exits "a dialogue without content" 1 train
has "... is named with its line" "$(cat "$tap_tmp/err")" 'dialogue.jsonl:25: message 1 needs "role" and "content"'
fresh
sed 's/steps: 16/steps: 100000/' tests/learn/nano.yaml >"$tap_tmp/run/nano.yaml"
"$SILLOK" train "$tap_tmp/run/nano.yaml" -q -t 2 2>/dev/null &
pid=$!
waits test -s "$tap_tmp/run/nano.gguf.log.jsonl" # which it has for itself from before the first line
exits "two runs of one recipe at a time are refused" 1 train
has "... and say so" "$(cat "$tap_tmp/err")" 'in use by another process'
kill -9 "$pid"
wait "$pid" 2>/dev/null
exits "no recipe is a wrong usage" 2 "$SILLOK" train
done_testing
