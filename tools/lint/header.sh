#!/bin/sh
# Does one header compile alone? Called by tools/lint/run.sh with the folder that holds the flags.
set -u
flags=$(cat "$1/flags")
case "$2" in src/num/*) flags="$flags $(sed -n 's/^avx512 //p' "$1/isa")" ;; esac # kernels name wide vectors
# shellcheck disable=SC2086 # $flags is a list
printf '#include "%s"\n' "${2#*/}" | ${CC:-gcc} $flags -Wno-unused-function -fsyntax-only -x c - 2>&1 |
    sed -n "s|^.*: error: |$2:1: does not compile alone: |p" | head -n 1
