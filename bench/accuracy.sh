#!/bin/sh
# Accuracy of every weight format, in Sillok and in llama.cpp, against a binary64 evaluation: bench/results/accuracy.csv.
# docs/accuracy.md says how. Sillok's figures are the same on every machine.
set -eu
cd "$(dirname "$0")/.."
make --no-print-directory B=build build/sillok build/tests/tool_make_model build/tests/tool_ref64 >&2
mkdir -p bench/results
node bench/lib_accuracy.mjs >bench/results/accuracy.csv.new
mv bench/results/accuracy.csv.new bench/results/accuracy.csv
cat bench/results/accuracy.csv
