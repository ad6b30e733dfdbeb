#!/bin/sh
# ./dev bench train: tokens per second of `sillok train`, its share of the float peak, and beside it PyTorch (Debian's
# python3-torch with OpenBLAS) on the same model, weights and batches, in turns; and the largest difference of their losses.
#   STEPS=N: of a run (5)   ROUNDS=N: pairs of runs, of which the medians count (3)   THREADS="1 2"
set -eu
cd "$(dirname "$0")/.."
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3 # Debian's, which has Debian's torch
build=${SILLOK_BUILD:-build} steps=${STEPS:-5} rounds=${ROUNDS:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/sillok-train.XXXXXX")
trap 'rm -rf "$work"' EXIT
make -s --no-print-directory "B=$build" "$build/sillok" "$build/tests/tool_train_dump" "$build/tests/tool_peak" >&2

# A text that every clone has: what is documented here.
cat docs/*.md README.md src/*/README.md src/*/*.h >"$work/text.txt"
"$build/sillok" train-tokenizer "$work/text.txt" --out "$work/tokenizer.json" --vocab 8192 --min-count 1
cat >"$work/recipe.yaml" <<EOF
tokenizer: tokenizer.json
out: model.gguf
steps: 200
batch: 2048
model: {family: qwen3, layers: 6, width: 256, heads: 8, kv_heads: 4, head_dim: 32, ffn: 768, context: 256}
optimizer: {lr: 1e-3, min_lr: 1e-4, warmup: 5}
data: [{path: text.txt, kind: file}]
checkpoint: {every: 1000000}
EOF
"$build/tests/tool_train_dump" "$work/recipe.yaml" "$steps" "$work/dump"
params=$("$build/sillok" train "$work/recipe.yaml" --check 2>&1 | sed -n 's/^model: \([0-9]*\) parameters.*/\1/p')
torch=
if "$python" -c "import torch" 2>/dev/null; then torch=1; else echo "no PyTorch (apt-get install python3-torch libopenblas0-pthread): left out"; fi

ours() { # THREADS: tokens per second behind the first step
    rm -f "$work"/model.gguf*
    "$build/sillok" train "$work/recipe.yaml" -q -t "$1" --until "$steps" 2>/dev/null
    cp "$work/model.gguf.log.jsonl" "$work/ours.jsonl"
    sed 's/[^0-9.e+-]*tokens_per_s.*//; s/^{"step":\([0-9]*\),"tokens":\([0-9]*\),.*"seconds":\([0-9.e+-]*\).*/\2 \3/' "$work/ours.jsonl" |
        awk 'NR == 1 { t = $1; s = $2 } { n = $1; e = $2 } END { printf "%.0f\n", (n - t) / (e - s) }'
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { printf "%.10g", NR ? (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 : 0 }'
}
both() { # THREADS: ours and theirs a line, and the largest difference of losses
    a=$(ours "$1") b=- gap=-
    if [ -n "$torch" ]; then
        "$python" bench/lib_train_torch.py "$work/dump" "$steps" "$1" 0.9 0.95 1e-8 0.1 1 >"$work/torch.json"
        b=$("$python" - "$work/torch.json" "$work/ours.jsonl" <<'END'
import json, sys
t = json.load(open(sys.argv[1]))
ours = [json.loads(x)["loss"] for x in open(sys.argv[2])]
print("%.1f %.1e" % (t["tokens_per_s"], max(abs(a - b) for a, b in zip(ours, t["losses"]))))
END
        )
        gap=${b#* } b=${b% *}
    fi
    echo "threads $1: $a $b $gap" >&2
    echo "$a $b $gap"
}

cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | tr -d ,)
mkdir -p bench/results
{
    echo "# Training a Qwen3 of $params parameters (6 layers of width 256, batches of 2048 tokens): \`bench/train.sh\`; Sillok and PyTorch"
    echo "# (Debian's with OpenBLAS) on the same weights and batches in turns; medians of $rounds runs of $steps steps, 6 float operations per"
    echo "# parameter and token; ${cpu:-unknown processor}; $(date -u +%Y-%m-%d)."
    echo "threads,Sillok tokens/s,GFLOP/s,of the f32 peak,PyTorch tokens/s,times as fast,largest difference of losses"
    for threads in ${THREADS:-1 2}; do
        peak=$("$build/tests/tool_peak" "$threads")
        i=0
        : >"$work/pairs"
        while [ "$i" -lt "$rounds" ]; do
            i=$((i + 1))
            both "$threads" >>"$work/pairs"
        done
        a=$(cut -d ' ' -f 1 "$work/pairs" | median) b=- times=- gap=-
        if [ -n "$torch" ]; then
            b=$(cut -d ' ' -f 2 "$work/pairs" | median)
            times=$(awk '{ print $1 / $2 }' "$work/pairs" | median | awk '{ printf "%.2f", $1 }')
            gap=$(cut -d ' ' -f 3 "$work/pairs" | sort -g | tail -n 1)
        fi
        awk -v n="$threads" -v a="$a" -v b="$b" -v p="$params" -v peak="$peak" -v times="$times" -v gap="$gap" 'BEGIN {
            g = 6 * a * p / 1e9; printf "%s,%.0f,%.1f,%.0f %%,%s,%s,%s\n", n, a, g, 100 * g / peak, b == "-" ? b : sprintf("%.0f", b), times, gap }'
    done
} >bench/results/train.csv.new
mv bench/results/train.csv.new bench/results/train.csv
cat bench/results/train.csv
