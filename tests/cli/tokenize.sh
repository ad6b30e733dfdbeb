#!/bin/sh
# sillok tokenize: every way in and out, and complaints.
. tests/cli/tap.sh
t=fuzz/corpus/tokenizer_json/good/bytes.json # a=0 b=1 Ġ=2 ab=5 Ġa=6 1=9; added: <s>=20 (control), B=21

is "a text" "$("$SILLOK" tokenize $t --text "ab a")" "5 6"
is "... from standard input" "$(printf 'ab a' | "$SILLOK" tokenize $t)" "5 6"
is "... with the texts of the tokens" "$("$SILLOK" tokenize $t --text "ab aB" --pieces)" "$(printf '5\tab\n6\tĠa\n21\tB')"
is "control tokens are text" "$("$SILLOK" tokenize $t --text "<s>")" "8"
is "... unless asked for" "$("$SILLOK" tokenize $t --special --text "<s>")" "20"
is "an empty text" "$("$SILLOK" tokenize $t --text "")" ""
is "lines" "$(printf '{"text":"ab"}\n\n{"text":"a\\nb","n":1}\r\n' | "$SILLOK" tokenize $t --jsonl)" \
    "$(printf '{"ids":[5]}\n{"ids":[0,1]}')"
is "lines of ids" "$(printf '{"ids":[5,6,20]}\n{"ids":[]}\n' | "$SILLOK" tokenize $t --jsonl)" \
    "$(printf '{"text":"ab a"}\n{"text":""}')"
is "decoding" "$("$SILLOK" tokenize $t --decode "5,6 20")" "ab a"
is "... with control tokens" "$("$SILLOK" tokenize $t --special --decode 5,20)" "ab<s>"

printf '{"text":"a"}\n{"text":7}\n' >"$tap_tmp/lines"
exits "a bad line" 1 sh -c '"$1" tokenize "$2" --jsonl <"$3"' sh "$SILLOK" $t "$tap_tmp/lines"
has "... is named" "$(cat "$tap_tmp/err")" "line 2: an object with a string"
is "... after the good ones" "$(cat "$tap_tmp/out")" '{"ids":[0]}'
printf '{"text":"a"}\n{' >"$tap_tmp/lines"
exits "a broken line" 1 sh -c '"$1" tokenize "$2" --jsonl <"$3"' sh "$SILLOK" $t "$tap_tmp/lines"
has "... is named" "$(cat "$tap_tmp/err")" "line 2: JSON"
printf '{"ids":[0,99]}\n' >"$tap_tmp/lines"
exits "an id that does not exist" 1 sh -c '"$1" tokenize "$2" --jsonl <"$3"' sh "$SILLOK" $t "$tap_tmp/lines"
has "... is named" "$(cat "$tap_tmp/err")" "line 1: ids?1? is not a token id below 22"
exits "... with --decode" 1 "$SILLOK" tokenize $t --decode 1,99
has "... is named" "$(cat "$tap_tmp/err")" "99"
printf 'ab\377' >"$tap_tmp/bad"
exits "a text that is not UTF-8" 1 sh -c '"$1" tokenize "$2" <"$3"' sh "$SILLOK" $t "$tap_tmp/bad"
has "... says where" "$(cat "$tap_tmp/err")" "not valid UTF-8 at byte 2"
exits "no tokenizer" 2 "$SILLOK" tokenize
exits "two ways at once" 2 "$SILLOK" tokenize $t --text a --jsonl
exits "a directory" 1 "$SILLOK" tokenize "$tap_tmp"
exits "a file that is not there" 1 "$SILLOK" tokenize "$tap_tmp/no.json"
has "... says so" "$(cat "$tap_tmp/err")" "No such file"
exits "a tokenizer that is not supported" 1 "$SILLOK" tokenize fuzz/corpus/tokenizer_json/bad/precompiled.json --text a
has "... says what is" "$(cat "$tap_tmp/err")" "Precompiled"
exits "help" 0 "$SILLOK" tokenize --help
has "... tells the options" "$(cat "$tap_tmp/out")" "--jsonl"

# With the tokenizer of a model file.
model=$tap_tmp/m.gguf
ok "a model" "$SILLOK_BUILD/tests/tool_make_model" "$model"
ids=$("$SILLOK" tokenize "$model" --text "Hello, 한글")
is "... its tokenizer, there and back" "$("$SILLOK" tokenize "$model" --decode "$ids")" "Hello, 한글"
head -c 3000 "$model" >"$tap_tmp/cut.gguf"
exits "a model that is cut" 1 "$SILLOK" tokenize "$tap_tmp/cut.gguf" --text a
done_testing
