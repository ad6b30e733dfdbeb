#!/bin/sh
# ./dev bench train: tokens per second of `sillok train`, its share of the float peak, and beside it PyTorch (Debian's
# python3-torch with OpenBLAS) on the same model, weights and batches, in turns; and the largest difference of their losses.
set -eu
cd "$(dirname "$0")/.."
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3 # Debian's, which has Debian's torch
steps=${STEPS:-5} rounds=${ROUNDS:-2}
work=$(mktemp -d "${TMPDIR:-/tmp}/sillok-train.XXXXXX")
trap 'rm -rf "$work"' EXIT
make -s --no-print-directory all build/tests/tool_train_dump

# A text that every clone has: what is documented here.
cat docs/*.md README.md src/*/README.md src/*/*.h >"$work/text.txt"
build/sillok train-tokenizer "$work/text.txt" --out "$work/tokenizer.json" --vocab 8192 --min-count 1
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
build/tests/tool_train_dump "$work/recipe.yaml" "$steps" "$work/dump"
params=$(build/sillok train "$work/recipe.yaml" --check 2>&1 | sed -n 's/^model: \([0-9]*\) parameters.*/\1/p')
torch=
if "$python" -c "import torch" 2>/dev/null; then torch=1; else echo "no PyTorch (apt-get install python3-torch libopenblas0-pthread): left out"; fi

ours() { # THREADS: tokens per second behind the first step
    rm -f "$work"/model.gguf*
    build/sillok train "$work/recipe.yaml" -q -t "$1" --until "$steps" 2>/dev/null
    cp "$work/model.gguf.log.jsonl" "$work/ours.jsonl"
    sed 's/[^0-9.e+-]*tokens_per_s.*//; s/^{"step":\([0-9]*\),"tokens":\([0-9]*\),.*"seconds":\([0-9.e+-]*\).*/\2 \3/' "$work/ours.jsonl" |
        awk 'NR == 1 { t = $1; s = $2 } { n = $1; e = $2 } END { printf "%.0f\n", (n - t) / (e - s) }'
}

for threads in ${THREADS:-1 2}; do
    i=0
    while [ "$i" -lt "$rounds" ]; do
        i=$((i + 1))
        a=$(ours "$threads")
        line="threads $threads: sillok $a tokens/s ($(awk -v t="$a" -v p="$params" 'BEGIN { printf "%.0f", 6 * t * p / 1e9 }') GFLOP/s of 6 per parameter and token)"
        if [ -n "$torch" ]; then
            "$python" bench/lib_train_torch.py "$work/dump" "$steps" "$threads" 0.9 0.95 1e-8 0.1 1 >"$work/torch.json"
            line="$line, $("$python" - "$work/torch.json" "$work/ours.jsonl" "$a" <<'EOF'
import json, sys
t = json.load(open(sys.argv[1]))
ours = [json.loads(x)["loss"] for x in open(sys.argv[2])]
gap = max(abs(a - b) for a, b in zip(ours, t["losses"]))
print("PyTorch %s %.0f (sillok is %.2f times as fast); largest difference of losses %.1e (%.4f to %.4f)"
      % (t["torch"], t["tokens_per_s"], float(sys.argv[3]) / t["tokens_per_s"], gap, ours[0], ours[-1]))
EOF
            )"
        fi
        echo "$line"
    done
done
