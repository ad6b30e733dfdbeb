#!/bin/sh
# A really trained model from elsewhere (llama2.c's stories260K) is converted and writes its reference program's story,
# character for character, whatever the threads and the processor level.
. tests/cli/tap.sh

from=$SILLOK_SHARED/data/models/stories260K
if [ ! -d "$from" ]; then
    skip "stories260K" "there is no $from"
    done_testing
fi
m=$tap_tmp/stories.gguf
ok "converts" "$SILLOK" convert "$from/stories260K.bin" "$m" --tokenizer "$from/tok512.bin"

# The reference was run for 256 steps. A step yields a token, also those of the prompt after BOS, so a prompt of n
# tokens (BOS included) leaves 257 - n to generate.
prompt="Once upon a time"
n=$("$SILLOK" tokenize "$m" --bos --text "$prompt" | tr -cs '0-9' '\n' | grep -c .)
tell() {
    printf '%s' "$prompt"
    "$SILLOK" run "$m" --raw -p "$prompt" -n $((257 - n)) --temp 0 "$@"
}
tell >"$tap_tmp/story"
is "the whole story" "$(cat "$tap_tmp/story")" "$(cat "$from/greedy-256.txt")"
ok "to the byte" cmp "$tap_tmp/story" "$from/greedy-256.txt"
for option in "--threads 1" "--threads 3" "--cpu scalar"; do
    # shellcheck disable=SC2086 # two words
    tell $option >"$tap_tmp/again"
    ok "the same with $option" cmp "$tap_tmp/story" "$tap_tmp/again"
done
done_testing
