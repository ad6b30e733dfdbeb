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
is "generating twice gives the same bytes" "$(python3 corpus/generate.py variants | cksum)" "$(python3 corpus/generate.py variants | cksum)"
done_testing
