#!/bin/sh
# Test results in TAP for shell scripts (POSIX sh): `. tests/cli/tap.sh`, then ok/is/fails/skip, and `done_testing` last.
# Scripts run from the repository root; $SILLOK is the program under test, $SILLOK_BUILD its build folder, $tap_tmp an
# empty folder that is removed at the end. docs/development.md tells more.
: "${SILLOK:=build/sillok}" "${SILLOK_BUILD:=build}" "${SILLOK_SHARED:=../shared}"
export SILLOK SILLOK_BUILD SILLOK_SHARED
tap_count=0
tap_failed=0
tap_tmp=$(mktemp -d "${TMPDIR:-/tmp}/sillok-cli.XXXXXX") || exit 1
trap 'rm -rf "$tap_tmp"' EXIT

# note TEXT: a diagnostic, which may have lines
note() {
    printf '%s\n' "$1" | sed 's/^/# /'
}

# pass NAME, fail NAME [WHY]
pass() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}
fail() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    [ -z "${2-}" ] || note "$2"
}

# skip NAME REASON
skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

# ok NAME COMMAND...: the command succeeds
ok() {
    tap_name=$1
    shift
    if tap_out=$("$@" 2>&1); then pass "$tap_name"; else fail "$tap_name" "exit $?: $* : $tap_out"; fi
}

# is NAME GOT WANTED: equal texts
is() {
    if [ "$2" = "$3" ]; then
        pass "$1"
    else
        fail "$1" "got: $2"
        note "wanted: $3"
    fi
}

# has NAME TEXT PATTERN: TEXT matches the case pattern *PATTERN*
has() {
    # shellcheck disable=SC2254 # a pattern is wanted
    case "$2" in
    *$3*) pass "$1" ;;
    *)
        fail "$1" "got: $2"
        note "wanted: *$3*"
        ;;
    esac
}

# exits NAME STATUS COMMAND...: the command ends with this status; its output is left in $tap_tmp/out and $tap_tmp/err
exits() {
    tap_name=$1
    tap_want=$2
    shift 2
    "$@" >"$tap_tmp/out" 2>"$tap_tmp/err" </dev/null
    tap_status=$?
    if [ "$tap_status" = "$tap_want" ]; then
        pass "$tap_name"
    else
        fail "$tap_name" "exit $tap_status instead of $tap_want: $*"
        note "$(head -c 4000 "$tap_tmp/err")"
    fi
}

# waits COMMAND...: runs it until it succeeds, for two minutes at the most; its output is dropped
waits() {
    tap_tries=0
    until "$@" >/dev/null 2>&1; do
        tap_tries=$((tap_tries + 1))
        [ "$tap_tries" -le 1200 ] || return 1
        sleep 0.1
    done
}

done_testing() {
    echo "1..$tap_count"
    [ "$tap_failed" = 0 ]
    exit
}
