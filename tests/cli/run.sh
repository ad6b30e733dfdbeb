#!/bin/sh
# sillok run, logits, perplexity: what a newcomer does right and wrong.
. tests/cli/tap.sh
m=$tap_tmp/model.gguf
ok "a model to try" "$SILLOK_BUILD/tests/tool_make_model" "$m" --type Q8_0
q=$tap_tmp/qwen.gguf
ok "another" "$SILLOK_BUILD/tests/tool_make_model" "$q" --arch qwen3 --type Q4_K

# --- answers ---
exits "a prompt is answered" 0 "$SILLOK" run "$m" -p "Hello" -n 8 --temp 0
one=$(cat "$tap_tmp/out")
is "... with nothing on standard error" "$(cat "$tap_tmp/err")" ""
exits "again, with other threads" 0 "$SILLOK" run "$m" -p "Hello" -n 8 --temp 0 --threads 3 --cpu scalar
is "... the same text" "$(cat "$tap_tmp/out")" "$one"
exits "the prompt in front with --echo" 0 "$SILLOK" run "$m" -p "Hello" -n 8 --temp 0 --echo --raw
has "... begins with it" "x$(cat "$tap_tmp/out")" "xHello"
exits "Korean" 0 "$SILLOK" run "$q" -p "안녕하세요, 세종대왕님" -n 8 --seed 5
two=$(cat "$tap_tmp/out")
exits "the same seed" 0 "$SILLOK" run "$q" -p "안녕하세요, 세종대왕님" -n 8 --seed 5 --threads 1
is "... the same answer" "$(cat "$tap_tmp/out")" "$two"
printf 'Hello' >"$tap_tmp/prompt"
exits "a prompt from a file" 0 "$SILLOK" run "$m" --file "$tap_tmp/prompt" -n 8 --temp 0
is "... the same answer" "$(cat "$tap_tmp/out")" "$one"
"$SILLOK" run "$m" -n 8 --temp 0 <"$tap_tmp/prompt" >"$tap_tmp/out" 2>&1
is "a prompt from standard input" "$(cat "$tap_tmp/out")" "$one"
exits "statistics go to standard error" 0 "$SILLOK" run "$m" -p "Hello" -n 8 --temp 0 --stats
is "... not to the answer" "$(cat "$tap_tmp/out")" "$one"
has "... in words" "$(cat "$tap_tmp/err")" "answer 8 tokens"
has "... with the profile" "$(cat "$tap_tmp/err")" "; CA/1"
exits "int8 keys and values" 0 "$SILLOK" run "$m" -p "Hello" -n 8 --temp 0 --kv int8 --stats
has "... are a profile of their own" "$(cat "$tap_tmp/err")" ";kv=int8"
hash=$("$SILLOK" logits "$m" --tokens 1,2,3,4,5 --hash --kv int8)
is "... with the same bits on other processors" "$("$SILLOK" logits "$m" --tokens 1,2,3,4,5 --hash --kv int8 --cpu scalar --threads 1)" "$hash"
is "... and others than f16" "$([ "$("$SILLOK" logits "$m" --tokens 1,2,3,4,5 --hash --kv f16)" = "$hash" ] || echo other)" "other"
exits "guessing ahead" 0 "$SILLOK" run "$m" -p "la la la la" -n 100 --temp 0 --speculate 6 --stats
three=$(cat "$tap_tmp/out")
has "... says how well" "$(cat "$tap_tmp/err")" "guessed ahead"
exits "without it" 0 "$SILLOK" run "$m" -p "la la la la" -n 100 --temp 0
is "... the same answer" "$(cat "$tap_tmp/out")" "$three"
exits "guessing too far" 2 "$SILLOK" run "$m" -p x --speculate 16

word=$(printf %s "$three" | grep -ao '[a-z][a-z][a-z]' | head -1)
exits "stop strings" 0 "$SILLOK" run "$m" -p "la la la la" -n 100 --temp 0 --stop none --stop "$word" --stats
is "... end the answer before them" "$(cat "$tap_tmp/out")" "${three%%"$word"*}"
has "... as is said" "$(cat "$tap_tmp/err")" "ended by stop string"
exits "the same with guesses" 0 "$SILLOK" run "$m" -p "la la la la" -n 100 --temp 0 --speculate 6 --stop "$word"
is "... end the answer before them" "$(cat "$tap_tmp/out")" "${three%%"$word"*}"
exits "a stop string that does not come" 0 "$SILLOK" run "$m" -p "la la la la" -n 100 --temp 0 --stop "never and nowhere"
is "... changes nothing" "$(cat "$tap_tmp/out")" "$three"
exits "an empty stop string" 2 "$SILLOK" run "$m" -p x --stop ""
has "... is said" "$(cat "$tap_tmp/err")" "empty"

printf 'Hello\r\n\nanother line' >"$tap_tmp/lines"
exits "each line of a file" 0 "$SILLOK" run "$m" --each "$tap_tmp/lines" -n 8 --temp 0
is "... a line for each that is not empty" "$(wc -l <"$tap_tmp/out" | tr -d ' ')" 2
has "... with prompt, answer and end" "$(head -n 1 "$tap_tmp/out")" '{"prompt":"Hello","answer":"*","ended":"*"}'
"$SILLOK" run "$m" -p Hello -n 8 --temp 0 >"$tap_tmp/alone"
python3 -c 'import json, sys; sys.exit(json.loads(open(sys.argv[1]).readline())["answer"] + "\n" != open(sys.argv[2], newline="").read())' \
    "$tap_tmp/out" "$tap_tmp/alone"
is "... and the answer that it gets alone" "$?" 0

# --- wrong usage: 2 ---
exits "no model" 2 "$SILLOK" run
has "... is said" "$(cat "$tap_tmp/err")" "model"
exits "an unknown option" 2 "$SILLOK" run "$m" --temperatur 1
has "... is named" "$(cat "$tap_tmp/err")" "temperatur"
exits "a number that is none" 2 "$SILLOK" run "$m" -p x -n ten
exits "two prompts" 2 "$SILLOK" run "$m" -p x --file "$tap_tmp/prompt"
exits "... of any kind" 2 "$SILLOK" run "$m" -p x --each "$tap_tmp/prompt"
exits "top-p out of range" 2 "$SILLOK" run "$m" -p x --top-p 1.5
exits "keys and values of another type" 1 "$SILLOK" run "$m" -p x --kv int4
has "... lists those there are" "$(cat "$tap_tmp/err")" "f16 or int8"
exits "more threads than processors" 1 "$SILLOK" run "$m" -p x --threads $(($(nproc) > 4 ? $(nproc) + 1 : 5))
has "... is said" "$(cat "$tap_tmp/err")" "processor"
exits "an unknown processor" 1 "$SILLOK" run "$m" -p x --cpu pentium
has "... lists those there are" "$(cat "$tap_tmp/err")" "avx512"
exits "... in the environment" 1 env SILLOK_CPU=pentium "$SILLOK" run "$m" -p x
has "... is named" "$(cat "$tap_tmp/err")" "SILLOK_CPU"
exits "logits without tokens" 2 "$SILLOK" logits "$m"
exits "logits of no number" 1 "$SILLOK" logits "$m" --tokens 1,x
exits "logits beyond the vocabulary" 1 "$SILLOK" logits "$m" --tokens 1,99999
has "... is said" "$(cat "$tap_tmp/err")" "99999"

# --- bad input: 1 ---
exits "no such file" 1 "$SILLOK" run "$tap_tmp/none.gguf" -p x
has "... is named" "$(cat "$tap_tmp/err")" "none.gguf"
exits "a directory" 1 "$SILLOK" run "$tap_tmp" -p x
has "... is said" "$(cat "$tap_tmp/err")" "directory"
: >"$tap_tmp/empty.gguf"
exits "an empty file" 1 "$SILLOK" run "$tap_tmp/empty.gguf" -p x
head -c 100000 "$m" >"$tap_tmp/cut.gguf"
exits "a truncated file" 1 "$SILLOK" run "$tap_tmp/cut.gguf" -p x
has "... is named" "$(cat "$tap_tmp/err")" "cut.gguf"
printf 'this is not a model\n' >"$tap_tmp/text.gguf"
exits "a text" 1 "$SILLOK" run "$tap_tmp/text.gguf" -p x
printf '\377\376broken' >"$tap_tmp/bytes"
exits "a prompt that is not UTF-8" 1 "$SILLOK" run "$m" --file "$tap_tmp/bytes"
has "... is said" "$(cat "$tap_tmp/err")" "UTF-8"
exits "a prompt beyond the context" 1 "$SILLOK" run "$m" --ctx 16 -p "a b c d e f g h i j k l m n o p q r s t u v w x y z"
has "... is said" "$(cat "$tap_tmp/err")" "context"
exits "a context beyond the model's" 1 "$SILLOK" run "$m" --ctx 100000 -p x
exits "an empty prompt for a model without BOS" 1 "$SILLOK" run "$q" -p ""
has "... is said" "$(cat "$tap_tmp/err")" "empty"
sed 's/llama/lxama/g' "$m" >"$tap_tmp/arch.gguf"
exits "an unknown architecture" 1 "$SILLOK" run "$tap_tmp/arch.gguf" -p x
has "... is named, with those there are" "$(cat "$tap_tmp/err")" "lxama*llama*qwen3"
# Sanitizers take address space of their own.
if [ "$SILLOK_BUILD" = build ]; then
    exits "too little memory" 1 prlimit --as=40000000 "$SILLOK" run "$m" -p x -n 1 --threads 1 --ctx 512 --batch 65536
    has "... is said" "$(cat "$tap_tmp/err")" "memory for steps of 65536 tokens"
else
    skip "too little memory" "sanitizers need address space"
fi
if [ -w /dev/full ]; then
    "$SILLOK" run "$m" -p Hello -n 4 >/dev/full 2>"$tap_tmp/err"
    is "a full disk" "$?" 1
    has "... is said" "$(cat "$tap_tmp/err")" "standard output"
    exits "logits to a full disk" 1 "$SILLOK" logits "$m" --tokens 1 --out /dev/full
fi

# --- logits and perplexity ---
exits "a digest" 0 "$SILLOK" logits "$m" --tokens 1,2,3 --all --hash
h=$(cat "$tap_tmp/out")
for cpu in scalar avx2 avx512 neon; do
    "$SILLOK" logits "$m" --tokens 1,2,3 --all --hash --cpu "$cpu" --threads 2 --batch 2 >"$tap_tmp/out" 2>/dev/null ||
        { skip "digest on $cpu" "this processor has no $cpu"; continue; }
    is "digest on $cpu" "$(cat "$tap_tmp/out")" "$h"
done
exits "logits to a file" 0 "$SILLOK" logits "$m" --tokens 1,2,3 --all --out "$tap_tmp/l.f32"
is "... have that digest" "$(sha256sum <"$tap_tmp/l.f32" | cut -d' ' -f1)" "$h"
printf 'The quick brown fox. 안녕하세요. %.0s' 1 2 3 4 5 6 7 8 9 >"$tap_tmp/text"
exits "perplexity" 0 "$SILLOK" perplexity "$m" "$tap_tmp/text" --ctx 64
has "... is a number" "$(cat "$tap_tmp/out")" "perplexity [0-9]"
exits "perplexity of too short a text" 1 "$SILLOK" perplexity "$q" /dev/null
done_testing
