#!/bin/sh
# The corpus of the guide keeps its own rules, and the rules notice what is wrong.
# sanitizers: no
. tests/cli/tap.sh

ok "the corpus keeps its rules" python3 corpus/check.py
tree=$tap_tmp/corpus
cp -r corpus "$tree"
first=$(find "$tree/facts" -name '*.txt' | sort | head -n 1)
broken() { # NAME TEXT: a corpus with TEXT added is refused
    cp "$first" "$tap_tmp/kept"
    printf '\n%s\n' "$2" >>"$first"
    exits "$1" 1 python3 "$tree/check.py"
    cp "$tap_tmp/kept" "$first"
}
broken "a fact without a key is noticed" '## test.one
q: 하나?
a: 하나입니다.'
broken "a question that is there twice is noticed" "$(sed -n '/^## /,/^$/p' "$first" | sed '/^$/q; s/^## .*/## test.two/')"
broken "an answer that is not polite is noticed" '## test.three
key: 셋
a: 셋이다'
broken "a line that begins with nothing known is noticed" 'x: 넷'
printf '\n## %s\n시발점이 어디예요?\n' "$(sed -n 's/^## //p' "$first" | head -n 1)" >>"$tree/variants.txt"
exits "profanity in a generated question is noticed" 1 python3 "$tree/check.py"
sed -n 's/^q: //p' "$tree/heldout/facts.txt" | awk 'NF > 5' | head -n 1 | sed 's/^/하하 /' >"$tap_tmp/q"
{ cat corpus/variants.txt && printf '\n## %s\n' "$(sed -n 's/^## //p' "$first" | head -n 1)" && cat "$tap_tmp/q"; } >"$tree/variants.txt"
exits "a generated question that is near a held-out one is noticed" 1 python3 "$tree/check.py"
done_testing
