#!/bin/sh
# ./dev fuzz [TARGET] [SECONDS]: libFuzzer with ASan and UBSan on every target, or the ones whose name contains TARGET.
# New inputs stay in build-fuzz/corpus/NAME; crashes in build-fuzz/NAME-crash-*. To keep a finding, fix the bug and put
# the (minimised) input into fuzz/corpus/NAME/bad, where ./dev test replays it for ever.
set -u
cd "$(dirname "$0")/.." || exit 1
case "${1-}" in
"" | *[!0-9]*)
    target=${1-}
    seconds=${2:-60}
    ;;
*) # only a time
    target=
    seconds=$1
    ;;
esac
clang=$(command -v clang || command -v clang-14)
env -u MAKEFLAGS make --no-print-directory -j"${JOBS:-2}" fuzz B=build-fuzz CC="$clang" OPT=-O1 \
    SAN=address,undefined,fuzzer-no-link || exit 1
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:detect_stack_use_after_return=0
ran=0
bad=
for src in fuzz/fuzz_*.c; do
    name=$(basename "$src" .c)
    name=${name#fuzz_}
    case "$name" in *"$target"*) ;; *) continue ;; esac
    [ -f "$src" ] || continue
    ran=$((ran + 1))
    mkdir -p "build-fuzz/corpus/$name"
    set -- "build-fuzz/corpus/$name"
    [ -d "fuzz/corpus/$name" ] && set -- "$@" "fuzz/corpus/$name"
    [ -f "fuzz/$name.dict" ] && set -- "$@" "-dict=fuzz/$name.dict"
    printf '== %s, %s s\n' "$name" "$seconds"
    if "build-fuzz/libfuzzer/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
        -artifact_prefix="build-fuzz/$name-" -print_final_stats=1 "$@" >"build-fuzz/$name.log" 2>&1; then
        grep -E 'number_of_executed_units|DONE' "build-fuzz/$name.log"
    else
        bad="$bad $name"
        tail -n 60 "build-fuzz/$name.log"
    fi
done
if [ "$ran" = 0 ]; then
    echo "no fuzz target matches '$target'" >&2
    exit 1
fi
if [ -n "$bad" ]; then
    echo "failed:$bad (inputs in build-fuzz/)" >&2
    exit 1
fi
