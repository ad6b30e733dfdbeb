#!/bin/sh
# Accuracy of every weight format, in Sillok and in llama.cpp, against a binary64 evaluation: bench/results/details/accuracy.csv.
# docs/accuracy.md says how. Sillok's figures are the same on every machine.
set -eu
cd "$(dirname "$0")/.."
make --no-print-directory B=build build/sillok build/tests/tool_make_model build/tests/tool_ref64 >&2
mkdir -p bench/results/details
node bench/lib_accuracy.mjs >bench/results/details/accuracy.csv.new
mv bench/results/details/accuracy.csv.new bench/results/details/accuracy.csv
cat bench/results/details/accuracy.csv
