#!/bin/sh
# clang-tidy on one file of src/, unless what it would see was clean before. Called by tools/lint/run.sh with the folder
# that holds the flags. Prints findings as "file:line: message".
set -u
work=$1
file=$2
flags=$(cat "$work/flags")
case "$file" in
*_avx2.c) flags="$flags $(sed -n 's/^avx2 //p' "$work/isa")" ;;
*_avx512.c) flags="$flags $(sed -n 's/^avx512 //p' "$work/isa")" ;;
esac
clang=$(command -v clang || command -v clang-14)
# shellcheck disable=SC2086 # $flags is a list
key=$({
    clang-tidy --version
    cat .clang-tidy "$(dirname "$file")/.clang-tidy" 2>/dev/null
    echo "$flags"
    "$clang" -E -C $flags "$file"
} 2>&1 | sha256sum | cut -c 1-40)
if [ -f "build/lint-cache/$key" ]; then exit 0; fi
# shellcheck disable=SC2086
clang-tidy --quiet "$file" -- $flags >"$work/tidy.$key" 2>"$work/tidy.$key.err"
status=$?
grep -E '(error|warning):' "$work/tidy.$key" | sed "s|^$(pwd)/||; s/^\([^:]*:[0-9]*\):[0-9]*: */\1: /"
if [ "$status" = 0 ] && ! grep -Eq '(error|warning):' "$work/tidy.$key"; then
    : >"build/lint-cache/$key"
elif ! grep -Eq '(error|warning):' "$work/tidy.$key"; then
    sed "s|^|$file:0: |" "$work/tidy.$key.err"
fi
exit 0
