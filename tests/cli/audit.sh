#!/bin/sh
# sillok audit: what every verb prints, and what it says of a record that was tampered with.
. tests/cli/tap.sh
tool=$SILLOK_BUILD/tests/tool_ledger
log=$tap_tmp/state/ledger
model=$tap_tmp/tiny.gguf
mkdir "$tap_tmp/state"
ok "a model" "$SILLOK_BUILD/tests/tool_make_model" "$model" --preset tiny --type Q8_0
ok "another model" "$SILLOK_BUILD/tests/tool_make_model" "$tap_tmp/other.gguf" --preset tiny --type Q8_0 --seed 5
ok "answers on record" "$tool" answers "$log" "$model" 9
key=$(cat "$log.key.pub")

exits "no verb" 2 "$SILLOK" audit
exits "an unknown verb" 2 "$SILLOK" audit verfy
has "... is nearly known" "$(cat "$tap_tmp/err")" "did you mean verify"
for verb in verify show prove check replay erase keygen; do
    has "$verb --help" "$("$SILLOK" audit $verb --help)" "Usage: sillok audit $verb"
done

out=$("$SILLOK" audit verify "$log" --key "$key")
has "verify" "$out" "In order: 10 entries, signed by test.example/log+"
has "... counts transcripts" "$out" "9 transcripts fit their entries, 0 were erased, 0 are not here"
is "... with the key beside the record" "$("$SILLOK" audit verify --state "$tap_tmp/state")" "$out"
is "... with the key's file" "$("$SILLOK" audit verify "$log" --key "$log.key.pub")" "$out"
printf '%s\n' "$key" | sed 's/^test.example/other.example/' >"$tap_tmp/other.pub"
exits "verify with another key" 1 "$SILLOK" audit verify "$log" --key "$tap_tmp/other.pub"
exits "verify without a record" 1 "$SILLOK" audit verify "$tap_tmp" --key "$key"
exits "verify without a folder" 1 "$SILLOK" audit verify "$tap_tmp/none" --key "$key"

out=$("$SILLOK" audit show 2 --state "$tap_tmp/state")
has "show" "$out" "tenant       tenant-2"
has "... the time" "$out" "2023-11-14T22:13:22.000Z"
has "... the text, harmless" "$out" 'what was answered \\x1b\[2J'
ok "show --json is the leaf" grep -aqF "$("$SILLOK" audit show 2 --log "$log" --json)" "$log/tile/entries/000.p/10"
exits "show beyond the end" 1 "$SILLOK" audit show 10 --log "$log"
has "... says how many there are" "$(cat "$tap_tmp/err")" "it has 10"
exits "show of what is not there" 1 "$SILLOK" audit show req_77 --log "$log"
has "show by the request's id" "$("$SILLOK" audit show 'chatcmpl-7 "한\' --log "$log")" "entry 7"
exits "show of nothing" 2 "$SILLOK" audit show --log "$log"

"$SILLOK" audit prove 3 --log "$log" >"$tap_tmp/receipt"
has "prove" "$(cat "$tap_tmp/receipt")" "c2sp.org/tlog-proof@v1"
has "check" "$("$SILLOK" audit check "$tap_tmp/receipt" --key "$key")" "In order: entry 3 of the 10"
ok "check from standard input" sh -c '"$1" audit check - --key "$2" <"$3"' sh "$SILLOK" "$key" "$tap_tmp/receipt"
sed 's/^index 3/index 4/' "$tap_tmp/receipt" >"$tap_tmp/wrong"
exits "check of a changed receipt" 1 "$SILLOK" audit check "$tap_tmp/wrong" --key "$key"
exits "check with another key" 1 "$SILLOK" audit check "$tap_tmp/receipt" --key "$tap_tmp/other.pub"
exits "check without a key" 2 "$SILLOK" audit check "$tap_tmp/receipt"
ok "prove --salt" "$SILLOK" audit prove 3 --log "$log" --salt
exits "prove --salt without a transcript" 1 "$SILLOK" audit prove 1 --log "$log" --salt

for i in 0 2 3 4 5 6 7 8 9; do
    has "replay $i" "$("$SILLOK" audit replay $i --state "$tap_tmp/state" --model "$model" --threads 2)" \
        "The same: entry $i, all 12 tokens of its answer to 9"
done
has "replay by the reference" "$("$SILLOK" audit replay 5 --log "$log" --model "$model" --cpu scalar -t 1)" "The same: entry 5"
has "replay finds the model by its digest" \
    "$("$SILLOK" audit replay 5 --log "$log" -m "$tap_tmp/other.gguf" -m "$model")" "The same"
exits "replay with another model" 1 "$SILLOK" audit replay 5 --log "$log" --model "$tap_tmp/other.gguf"
has "... names the digest" "$(cat "$tap_tmp/err")" "$(sha256sum "$model" | cut -d' ' -f1)"
exits "replay without a transcript" 1 "$SILLOK" audit replay 1 --log "$log" --model "$model"
exits "replay without a model" 2 "$SILLOK" audit replay 5 --log "$log"

cp "$log/checkpoint" "$tap_tmp/kept"
ok "more answers" "$tool" answers "$log" "$model" 2
has "verify --against" "$("$SILLOK" audit verify "$log" --against "$tap_tmp/kept" --against "$tap_tmp/receipt")" \
    "its 10 entries are the beginning of this log"
ok "erase" "$SILLOK" audit erase 4 --state "$tap_tmp/state"
has "... is counted" "$("$SILLOK" audit verify "$log")" "1 were erased"
exits "... and cannot be replayed" 1 "$SILLOK" audit replay 4 --log "$log" --model "$model"
has "... which is said" "$(cat "$tap_tmp/err")" "was erased"
ok "... but is proved" sh -c '"$1" audit prove 4 --log "$2" | "$1" audit check - --key "$3"' sh "$SILLOK" "$log" "$key"

cp -r "$log" "$tap_tmp/bad"
printf 'X' | dd of="$tap_tmp/bad/tile/entries/000.p/13" bs=1 seek=300 conv=notrunc 2>/dev/null
exits "a changed entry" 1 "$SILLOK" audit verify "$tap_tmp/bad" --key "$key"
has "... is named" "$(cat "$tap_tmp/out")" "tile/entries/000.p/13: entry 0 was changed"
rm -r "$tap_tmp/bad"
cp -r "$log" "$tap_tmp/bad"
printf 'X' | dd of="$tap_tmp/bad/transcripts/000" bs=1 seek=120 conv=notrunc 2>/dev/null
exits "a changed transcript" 1 "$SILLOK" audit verify "$tap_tmp/bad" --key "$key"
exits "... is not replayed" 1 "$SILLOK" audit replay 0 --log "$tap_tmp/bad" --key "$key" --model "$model"

ok "keygen" "$SILLOK" audit keygen "$tap_tmp/new.key" --name ai.example.kr/log1
is "... is private" "$(ls -l "$tap_tmp/new.key" | cut -c 1-10)" "-rw-------"
has "... and its public half is not" "$(cat "$tap_tmp/new.key.pub")" "ai.example.kr/log1+"
exits "... never replaces a key" 1 "$SILLOK" audit keygen "$tap_tmp/new.key" --name ai.example.kr/log1
exits "... wants a name" 2 "$SILLOK" audit keygen "$tap_tmp/newer.key"
exits "... that can be one" 1 "$SILLOK" audit keygen "$tap_tmp/newer.key" --name "a b"
done_testing
