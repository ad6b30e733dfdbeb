#!/bin/sh
# ./dev lint: every finding as "file:line: message"; exit status 1 when there is one.
#   tools/lint/run.sh [--root DIR] [--only STEP] [FILE...]
# STEP: format, headers, tidy, code, scripts. FILEs limit format and tidy to those files. --root checks another tree with the
# same layout (how tests/cli/lint.sh tests this); clang-tidy needs the Makefile and runs only here.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
only=
while [ $# -gt 0 ]; do
    case "$1" in
    --root)
        root=$2
        shift 2
        ;;
    --only)
        only=$2
        shift 2
        ;;
    *) break ;;
    esac
done
cd "$root" || exit 1
export LC_ALL=C
JOBS=${JOBS:-$(nproc)}
work=$(mktemp -d "${TMPDIR:-/tmp}/sillok-lint.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
: >"$work/findings"

wanted() {
    [ -z "$only" ] || [ "$only" = "$1" ]
}

# The C files of the tree, or those given.
c_files() {
    if [ $# -gt 0 ]; then
        printf '%s\n' "$@" | grep '\.[ch]$'
    else
        find src include tests fuzz bench -name node_modules -prune -o -name '*.[ch]' -print 2>/dev/null | sort
    fi
}

check_format() {
    c_files "$@" | tr '\n' '\0' | xargs -0 -r -n 20 -P "$JOBS" clang-format --dry-run -Werror 2>&1 |
        sed -n 's/: error: code should be clang-formatted.*/: not formatted: clang-format -i (tools: .clang-format)/p' |
        sed 's/^\([^:]*:[0-9]*\):[0-9]*:/\1:/' | sort -u -t: -k1,1
}

# Every header compiles alone, but those of kernels, which are parts of the file of one instruction set.
check_headers() {
    env -u MAKEFLAGS make -s lint-flags >"$work/flags" || return 1
    env -u MAKEFLAGS make -s isa-flags >"$work/isa" || return 1
    find src include -name '*.h' ! -name 'simd_*' ! -name 'tile_*' ! -name '*_x86.h' ! -name '*_arm.h' 2>/dev/null | sort | tr '\n' '\0' |
        xargs -0 -r -n 1 -P "$JOBS" sh "$here/header.sh" "$work"
}

# Cached by the content that clang sees, comments included, so that only what changed is checked again.
check_tidy() {
    mkdir -p build/lint-cache
    find build/lint-cache -type f -mtime +30 -exec rm -f {} +
    env -u MAKEFLAGS make -s lint-flags >"$work/flags" || return 1
    env -u MAKEFLAGS make -s isa-flags >"$work/isa" || return 1
    c_files "$@" | grep '^src/.*\.c$' | tr '\n' '\0' |
        xargs -0 -r -n 1 -P "$JOBS" sh "$here/tidy.sh" "$work"
}

check_code() {
    c_files | tr '\n' '\0' >"$work/files"
    xargs -0 awk -f "$here/code.awk" "${LINT_TABLES:-$here}/arrows.txt" "$here/banned.txt" \
        "${LINT_TABLES:-$here}/ratchet.txt" <"$work/files" | sed "s|^$here/|tools/lint/|"
    for d in src/*/; do
        [ -f "${d}README.md" ] || echo "${d%/}:1: the folder has no README.md (purpose, data in and out, invariants, threads, limits)"
    done
}

check_scripts() {
    find dev .ci tools tests bench fuzz -name node_modules -prune -o -type f -print 2>/dev/null |
        grep -Ev '\.(c|h|md|json|txt|csv)$|/corpus/|/vectors/' | while read -r f; do
        case "$(head -n 1 "$f" | tr -d '\0' | cut -c 1-60)" in
        '#!/bin/sh'*)
            "$(command -v dash || echo sh)" -n "$f" 2>&1 | sed "s|^|$f:1: |"
            grep -nE '^ *(if |while )?\[\[ |^[^'"'"']*<<<|^ *local ' "$f" |
                sed "s|^\([0-9]*\):.*|$f:\1: not POSIX sh|"
            echo "$f" >>"$work/shell"
            ;;
        '#!/bin/bash'*)
            bash -n "$f" 2>&1 | sed "s|^|$f:1: |"
            echo "$f" >>"$work/shell"
            ;;
        *)
            case "$f" in
            *.sh) echo "$f:1: the first line must be #!/bin/sh" ;;
            *.mjs) ! command -v node >/dev/null || node --check "$f" 2>&1 | head -n 1 | sed "s|^.*\(:[0-9]*\)$|$f\1: syntax error|" ;;
            esac
            ;;
        esac
    done
    if [ -s "$work/shell" ] && command -v shellcheck >/dev/null 2>&1; then
        xargs shellcheck -x -S warning -f gcc <"$work/shell" | sed 's/^\([^:]*:[0-9]*\):[0-9]*:/\1:/'
    fi
    # Paths of one machine have no place here.
    grep -rnE '(^|[^A-Za-z0-9_.])/(work|home|root|Users)/[a-z]' --include='*.[ch]' --include='*.sh' --include='*.mjs' \
        --include='*.md' --include=Makefile --exclude-dir=node_modules --exclude-dir='build*' . 2>/dev/null |
        sed 's|^\./||; s|^\([^:]*:[0-9]*\):.*|\1: a path of one machine|'
}

for step in format headers tidy code scripts; do
    wanted "$step" || continue
    if [ "$step" = format ] && ! command -v clang-format >/dev/null; then echo "clang-format is missing" >&2 && exit 1; fi
    if [ "$step" = tidy ] && ! command -v clang-tidy >/dev/null; then echo "clang-tidy is missing" >&2 && exit 1; fi
    "check_$step" "$@" >"$work/step" 2>"$work/err"
    cat "$work/step" >>"$work/findings"
    if [ -s "$work/err" ]; then sed "s|^|$step:0: |" "$work/err" >>"$work/findings"; fi
done
cat "$work/findings"
n=$(grep -c . "$work/findings")
if [ "$n" -gt 0 ]; then
    echo "lint: $n findings"
    exit 1
fi
echo "lint: clean"
