#!/bin/sh
# Training tokenizers beside Debian's sentencepiece (package sentencepiece: spm_train) on the same Korean text: seconds, and
# tokens per character on other lines of the same source. Both: identity or NFC, digits apart, bytes for rare characters,
# 8192 tokens. Ours is one thread; spm_train has --num_threads=2 (its unigram trainer uses them).
#   bench/train_tokenizer.sh     (or ./dev bench train_tokenizer)     LINES=N: lines to learn from (60000)
set -eu
cd "$(dirname "$0")/.."
build=${SILLOK_BUILD:-build}
lines=${LINES:-60000} rounds=${ROUNDS:-2} vocab=8192
work=$(mktemp -d "${TMPDIR:-/tmp}/sillok-train-tokenizer.XXXXXX")
trap 'rm -rf "$work"' EXIT
make --no-print-directory -s "B=$build" "$build/sillok" >&2
reviews=${SILLOK_SHARED:-../shared}/data/korean/nsmc_reviews.tsv.zst
if [ -f "$reviews" ]; then
    source="film reviews (NSMC)"
    zstd -dcq "$reviews" | cut -f 3 >"$work/all"
else
    source="texts of corpus/ and docs/"
    find corpus docs -type f \( -name '*.jsonl' -o -name '*.yaml' -o -name '*.md' -o -name '*.txt' \) -exec cat {} + >"$work/all"
fi
# Every seventh line, from two beginnings; no control characters, no empty lines.
tr -d '\001-\011\013-\037' <"$work/all" | grep -v '^ *$' >"$work/lines"
awk 'NR % 7 == 1' "$work/lines" | head -n "$lines" >"$work/text"
awk 'NR % 7 == 4' "$work/lines" | head -n 10000 >"$work/other"
chars=$(LC_ALL=C.UTF-8 wc -m <"$work/other")
chars=$((chars - $(wc -l <"$work/other")))
sed 's/\\/\\\\/g; s/"/\\"/g; s/^/{"text":"/; s/$/"}/' "$work/other" >"$work/other.jsonl"

seconds() { # COMMAND...: wall clock
    begin=$(date +%s.%N)
    "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
    date +%s.%N | awk -v b="$begin" '{ printf "%.3f\n", $1 - b }'
}
least() {
    printf '%s\n' "$@" | sort -n | head -n 1
}
ours() { # KIND
    seconds "$build/sillok" train-tokenizer "$work/text" --out "$work/$1.json" --kind "$1" --vocab "$vocab"
}
theirs() { # KIND
    seconds spm_train --minloglevel=2 --input="$work/text" --model_prefix="$work/spm-$1" --model_type="$1" \
        --vocab_size="$vocab" --character_coverage=0.9995 --byte_fallback=true --split_digits=true \
        --normalization_rule_name=identity --remove_extra_whitespaces=false --add_dummy_prefix=false --num_threads=2
}
per_char() {
    awk -v c="$chars" '{ n += NF } END { printf "%.4f", n / c }'
}

cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | tr -d ,)
command -v spm_train >/dev/null 2>&1 || echo "no sentencepiece (apt-get install sentencepiece): left out" >&2
mkdir -p bench/results
{
    echo "# Training a tokenizer of $vocab tokens from $(wc -l <"$work/text") lines ($(($(wc -c <"$work/text") / 1000)) kB) of $source:"
    echo "# \`bench/train_tokenizer.sh\`; Sillok (one thread) and Debian's spm_train (two threads) in turns; best of $rounds rounds;"
    echo "# tokens per character on $(wc -l <"$work/other") other lines; ${cpu:-unknown processor}; $(date -u +%Y-%m-%d)."
    echo "kind,Sillok s,spm_train s,times as fast,Sillok tokens/char,spm tokens/char"
    for kind in bpe unigram; do
        a='' b='' i=0
        while [ "$i" -lt "$rounds" ]; do
            i=$((i + 1))
            a="$a $(ours "$kind")"
            if command -v spm_train >/dev/null 2>&1; then b="$b $(theirs "$kind")"; fi
        done
        # shellcheck disable=SC2086 # lists of numbers
        a=$(least $a) spm=- rate=- times=-
        mine=$("$build/sillok" tokenize "$work/$kind.json" --jsonl <"$work/other.jsonl" | tr ',' ' ' | per_char)
        if [ -n "$b" ]; then
            # shellcheck disable=SC2086
            b=$(least $b)
            spm=$b times=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.1f", b / a }')
            rate=$(spm_encode --model="$work/spm-$kind.model" --output_format=id <"$work/other" | per_char)
        fi
        echo "$kind,$a,$spm,$times,$mine,$rate"
    done
} >bench/results/train_tokenizer.csv.new
mv bench/results/train_tokenizer.csv.new bench/results/train_tokenizer.csv
cat bench/results/train_tokenizer.csv
