#!/bin/sh
# The guide as it is committed: its bytes, its answers on every processor, its card's figures, and that the corpus is
# still the one that it was trained on.
# sanitizers: no
. tests/cli/tap.sh
m=models/guide.gguf

is "its digest is the published one" "$(sha256sum <$m | cut -c 1-64)" "$(sed -n 's/  guide.gguf$//p' models/guide.sha256)"
ok "it is no larger than 16 MB" test "$(wc -c <$m)" -le 16000000
ok "corpus, recipe and rules give the texts that it was trained on" sh tools/guide.sh --data
about=$("$SILLOK" inspect $m)
has "it names its licence" "$about" "Apache-2.0"

ask() {
    "$SILLOK" run $m --each tests/guide/questions.txt --temp 0 "$@"
}
ask >"$tap_tmp/answers"
ok "its answers are those known" cmp "$tap_tmp/answers" tests/guide/answers.jsonl
for option in "--threads 1" "--threads 3" "--cpu scalar" "--cpu avx2" "--cpu avx512" "--cpu neon" "--batch 5"; do
    # shellcheck disable=SC2086 # two words
    if ask $option >"$tap_tmp/again" 2>"$tap_tmp/err"; then
        ok "the same with $option" cmp "$tap_tmp/again" tests/guide/answers.jsonl
    else
        has "no $option here" "$(cat "$tap_tmp/err")" "this processor has no"
    fi
done
ok "they are right" python3 - "$tap_tmp/answers" <<'PY'
import json, sys
sys.path.insert(0, "corpus")
from textfile import read_folder, right, squeezed
of = {squeezed(q): b for name in ("facts", "talk", "english") for b in read_folder(name) for q in b.texts("q")}
for line in open(sys.argv[1], encoding="utf-8"):
    a = json.loads(line)
    b = of[squeezed(a["prompt"])]
    if not (right(b.key, a["answer"]) if b.key else a["answer"] in b.texts("a")):
        sys.exit(f"{a['prompt']}: {a['answer']}")
PY
cp models/guide.md "$tap_tmp/card.md"
ok "the held-out questions are asked" python3 corpus/evaluate.py $m --card "$tap_tmp/card.md"
ok "the card's figures and transcripts are what it answers" cmp models/guide.md "$tap_tmp/card.md"
has "./dev run opens it" "$(SILLOK_MODEL='' ./dev run -p "실록이 뭐예요?" --temp 0 2>/dev/null)" "실록"
done_testing
