#!/bin/sh
# ./dev: help, usage errors, and what it says when packages or a model are missing.
# sanitizers: no
. tests/cli/tap.sh

has "help" "$(./dev help)" "test [[]FILTER]"
is "no command shows the help" "$(./dev)" "$(./dev help)"
exits "an unknown command is a usage error" 2 ./dev frobnicate
has "... that names it" "$(cat "$tap_tmp/err")" "unknown command 'frobnicate'"

# An empty package database: everything is missing. Without root and sudo one line says what to run.
mkdir "$tap_tmp/dpkg" "$tap_tmp/bin"
: >"$tap_tmp/dpkg/status"
if ! command -v dpkg-query >/dev/null; then
    skip "missing packages without root" "no dpkg here"
else
    printf '#!/bin/sh\nexit 1\n' >"$tap_tmp/bin/sudo"
    chmod 755 "$tap_tmp" "$tap_tmp/dpkg" "$tap_tmp/bin" "$tap_tmp/bin/sudo"
    chmod 644 "$tap_tmp/dpkg/status"
    printf '#!/bin/sh\necho 65534\n' >"$tap_tmp/bin/id" # ./dev asks id for the user
    chmod 755 "$tap_tmp/bin/id"
    exits "missing packages without root" 1 env DPKG_ADMINDIR="$tap_tmp/dpkg" PATH="$tap_tmp/bin:$PATH" ./dev build
    is "... one line" "$(cat "$tap_tmp/out" "$tap_tmp/err" | wc -l | tr -d ' ')" 1
    has "... to run" "$(cat "$tap_tmp/err")" "sudo apt-get install -y --no-install-recommends gcc *libjansson-dev*libedit-dev"

    # Root: apt-get is called with just the missing ones, and only then.
    printf '#!/bin/sh\necho 0\n' >"$tap_tmp/bin/id"
    printf '#!/bin/sh\necho "$*" >>"%s/apt"\nexit 1\n' "$tap_tmp" >"$tap_tmp/bin/apt-get"
    chmod 755 "$tap_tmp/bin/apt-get"
    printf 'Package: gcc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nMaintainer: x\nDescription: x\n' \
        >"$tap_tmp/dpkg/status"
    exits "missing packages as root, apt-get failing" 1 \
        env DPKG_ADMINDIR="$tap_tmp/dpkg" PATH="$tap_tmp/bin:$PATH" ./dev build
    has "... are asked for" "$(cat "$tap_tmp/apt")" "install * libc6-dev make pkg-config libjansson-dev"
    case "$(cat "$tap_tmp/apt")" in *" gcc "*) fail "... without those that are there" ;; *) pass "... without those that are there" ;; esac
fi

# ./dev run in a copy of the layout, with a program that shows its arguments.
tree=$tap_tmp/tree
mkdir -p "$tree/build" "$tree/models" "$tree/elsewhere"
cp dev "$tree/dev"
# shellcheck disable=SC2016 # $@ is for the inner script
printf '#!/bin/sh\nfor a in "$@"; do printf "<%%s>" "$a"; done\necho\n' >"$tree/build/sillok"
chmod +x "$tree/build/sillok"
printf 'all:\n\t@:\n' >"$tree/Makefile"
unset SILLOK_MODEL
exits "run without a model" 1 "$tree/dev" run
is "... says in one line how to get one" "$(wc -l <"$tap_tmp/err" | tr -d ' ')" 1
has "... and how" "$(cat "$tap_tmp/err")" "put a GGUF file into models/"
is "run --help needs no model" "$("$tree/dev" run --help)" "<run><--help>"
is "run FILE" "$("$tree/dev" run some.gguf -p "a b" -n 3)" "<run><some.gguf><-p><a b><-n><3>"
is "run with SILLOK_MODEL" "$(SILLOK_MODEL=m.gguf "$tree/dev" run -p "a  b")" "<run><m.gguf><-p><a  b>"
: >"$tree/models/x y.gguf"
is "run with a file in models/" "$(cd "$tree/elsewhere" && ../dev run -n 1)" "<run><$tree/models/x y.gguf><-n><1>"
is "a named model goes first" "$("$tree/dev" run other.gguf)" "<run><other.gguf>"

# ./dev run serve with a program that only says that it listens.
cat >"$tree/build/sillok" <<'END'
#!/bin/sh
case "$1" in
key) echo sk-sillok-abc_1 ;;
serve)
    echo $$ >"$SILLOK_STATE/pid"
    echo "listening on http://127.0.0.1:9"
    exec sleep 60
    ;;
esac
END
export SILLOK_STATE="$tap_tmp/server"
: >"$tap_tmp/said"
"$tree/dev" run serve "$tree/models/x y.gguf" >"$tap_tmp/said" 2>&1 &
dev_pid=$!
waits grep -q "Ctrl-C" "$tap_tmp/said"
has "run serve prints the address" "$(cat "$tap_tmp/said")" "http://127.0.0.1:9/v1"
has "... a key" "$(cat "$tap_tmp/said")" "sk-sillok-abc_1"
has "... and a curl line with both" "$(grep curl "$tap_tmp/said")" "curl http://127.0.0.1:9/v1/chat/completions -H 'Authorization: Bearer sk-sillok-abc_1'"
has "... for this model" "$(cat "$tap_tmp/said")" '"model": "x y"'
kill "$dev_pid"
wait "$dev_pid" 2>/dev/null
is "the server ends with the script" "$(kill -0 "$(cat "$SILLOK_STATE/pid")" 2>/dev/null && echo lives)" ""
unset SILLOK_STATE
done_testing
