#!/bin/sh
# The commands that read and make model files: inspect and convert; and what every command line shares.
. tests/cli/tap.sh
tool=$SILLOK_BUILD/tests/tool_gguf_corpus
"$tool" --llama2c "$tap_tmp/small.bin" "$tap_tmp/tok.bin" || exit 1
m=$tap_tmp/small.gguf

exits "convert" 0 "$SILLOK" convert "$tap_tmp/small.bin" "$m" --tokenizer "$tap_tmp/tok.bin"
has "... says what it wrote" "$(cat "$tap_tmp/out")" "wrote $m: llama, 2 layers, width 4, 8 tokens"
ok "... the same bytes every time, options first" "$SILLOK" convert --tokenizer="$tap_tmp/tok.bin" "$tap_tmp/small.bin" "$tap_tmp/again.gguf"
ok "... compared" cmp "$m" "$tap_tmp/again.gguf"
: >"$tap_tmp/plain"
is "... readable as other files are" "$(stat -c %a "$m")" "$(stat -c %a "$tap_tmp/plain")"

# Refusals leave every file as it was.
sum=$(cksum <"$tap_tmp/small.bin")
exits "convert onto its input" 2 "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp/small.bin" --tokenizer "$tap_tmp/tok.bin"
ln -s small.bin "$tap_tmp/link.gguf"
exits "... by another name" 2 "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp/link.gguf" --tokenizer "$tap_tmp/tok.bin"
exits "... onto the tokenizer" 2 "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp/tok.bin" --tokenizer "$tap_tmp/tok.bin"
is "... the input is unharmed" "$(cksum <"$tap_tmp/small.bin")" "$sum"
exits "convert without a tokenizer" 2 "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp/x.gguf"
has "... says so" "$(cat "$tap_tmp/err")" "--tokenizer is missing"
exits "convert a GGUF file" 1 "$SILLOK" convert "$m" "$tap_tmp/x.gguf" --tokenizer "$tap_tmp/tok.bin"
has "... says so" "$(cat "$tap_tmp/err")" "is a GGUF file already"
exits "the model as its tokenizer" 1 "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp/x.gguf" --tokenizer "$tap_tmp/small.bin"
has "... names the file" "$(cat "$tap_tmp/err")" "sillok convert: $tap_tmp/small.bin: token "
exits "convert into a folder that is not there" 1 "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp/no/x.gguf" --tokenizer "$tap_tmp/tok.bin"
has "... says why" "$(cat "$tap_tmp/err")" "No such file or directory"
exits "convert onto a device" 1 "$SILLOK" convert "$tap_tmp/small.bin" /dev/null --tokenizer "$tap_tmp/tok.bin"
has "... says why" "$(cat "$tap_tmp/err")" "/dev/null is not a regular file"
exits "convert onto a directory" 1 "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp" --tokenizer "$tap_tmp/tok.bin"

# A disk that is full (here: a limit of 1 block on the size of files) leaves the old file and no other.
mkdir "$tap_tmp/full"
echo old >"$tap_tmp/full/x.gguf"
# shellcheck disable=SC2016 # $@ is for the inner shell
exits "convert onto a full disk" 1 sh -c 'trap "" XFSZ; ulimit -f 1; "$@"' sh \
    "$SILLOK" convert "$tap_tmp/small.bin" "$tap_tmp/full/x.gguf" --tokenizer "$tap_tmp/tok.bin"
has "... says so" "$(cat "$tap_tmp/err")" "cannot write $tap_tmp/full/x.gguf: File too large"
is "... the old file is intact" "$(cat "$tap_tmp/full/x.gguf")" "old"
is "... and alone" "$(ls -A "$tap_tmp/full")" "x.gguf"

exits "inspect" 0 "$SILLOK" inspect "$m"
out=$(cat "$tap_tmp/out")
has "... version" "$out" "GGUF 3, "
has "... architecture and parameters" "$out" "Model       llama, 292 parameters"
has "... sizes by type" "$out" "F32: 20 tensors, 292 parameters, 1.1 KiB"
has "... shape" "$out" "2 layers, width 4, feed-forward 6, 2 heads, head size 2, 1 key/value heads"
has "... memory" "$out" "keys and values 15.6 KiB per 1,000 tokens (27.3 KiB with --kv int8), buffers"
has "... context" "$out" "Context     16 tokens"
has "... tokenizer" "$out" "llama / default, 8 tokens, BOS 1, EOS 2"
has "... template" "$out" "Template    none"
has "... long arrays cut" "$out" '["<unk>", "<s>", "</s>", "<0x0A>", "▁a", "b", "▁", "<0x0g>"]'
case "$out" in *"blk.0"*) fail "... no tensors unless asked" ;; *) pass "... no tensors unless asked" ;; esac
has "inspect --tensors" "$("$SILLOK" inspect "$m" --tensors)" "blk.1.ffn_down.weight  F32  [[]6, 4]  96 B"
has "inspect --json" "$("$SILLOK" inspect --json "$m")" '"parameters": 292,'

# Everything in the bad corpus is refused in one line; unknown types can at least be looked at.
bad=
for f in fuzz/corpus/gguf/bad/*; do
    "$SILLOK" inspect "$f" >"$tap_tmp/out" 2>"$tap_tmp/err"
    status=$?
    want=1
    case "$f" in */type_unknown | */type_iq) want=0 ;; esac
    lines=$(wc -l <"$tap_tmp/err" | tr -d ' ')
    [ "$status" = "$want" ] && [ "$lines" = "$want" ] || bad="$bad $f"
done
is "inspect refuses bad files in one line each" "$bad" ""
has "inspect shows unknown types" "$("$SILLOK" inspect fuzz/corpus/gguf/bad/type_iq)" "IQ2_XXS: 1 tensors"
has "... numbers without a name" "$("$SILLOK" inspect fuzz/corpus/gguf/bad/type_unknown)" "type 77: 1 tensors"
is "inspect cannot drive a terminal" "$("$SILLOK" inspect fuzz/corpus/gguf/bad/key_control 2>&1 | tr -d '\n' | LC_ALL=C tr -d '[:print:]')" ""
exits "inspect a llama2.c model" 1 "$SILLOK" inspect "$tap_tmp/small.bin"
has "... says what to do" "$(cat "$tap_tmp/err")" "convert it first: sillok convert $tap_tmp/small.bin"
exits "inspect a directory" 1 "$SILLOK" inspect src
has "... says so" "$(cat "$tap_tmp/err")" "src is a directory"
exits "inspect a file that is not there" 1 "$SILLOK" inspect no.gguf
# shellcheck disable=SC2016 # for the inner shell
exits "standard output on a full disk" 1 sh -c '"$0" inspect "$1" >/dev/full' "$SILLOK" "$m"
has "... says so" "$(cat "$tap_tmp/err")" "cannot write standard output: No space left"

# Command lines.
exits "no command" 2 "$SILLOK"
exits "an unknown command" 2 "$SILLOK" inspcet
has "... suggests" "$(cat "$tap_tmp/err")" "unknown command \"inspcet\" (did you mean inspect?)"
exits "an unknown option" 2 "$SILLOK" inspect --jsn x
has "... suggests" "$(cat "$tap_tmp/err")" "sillok inspect: unknown option --jsn (did you mean --json?)"
exits "an unknown letter" 2 "$SILLOK" inspect -x y
exits "a missing argument" 2 "$SILLOK" inspect
has "... is named" "$(cat "$tap_tmp/err")" "a model file is missing"
exits "an argument too many" 2 "$SILLOK" inspect a b
has "... is named" "$(cat "$tap_tmp/err")" "\"b\" is one argument too many"
exits "a missing value" 2 "$SILLOK" convert a b --tokenizer
has "... is named" "$(cat "$tap_tmp/err")" "--tokenizer needs a value (FILE)"
exits "a value for a flag" 2 "$SILLOK" inspect --json=1 x
exits "a file whose name begins with a dash" 1 "$SILLOK" inspect -- --json
has "... is a file" "$(cat "$tap_tmp/err")" "cannot open --json"
exits "help of a command" 0 "$SILLOK" inspect --help
has "... on standard output" "$(cat "$tap_tmp/out")" "Usage: sillok inspect FILE"
exits "help" 0 "$SILLOK" --help
exits "version" 0 "$SILLOK" --version
has "... names the arithmetic" "$(cat "$tap_tmp/out")" "sillok 0.1.0 (arithmetic CA/1"
done_testing
