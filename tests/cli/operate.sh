#!/bin/sh
# A server as operators run it: by a file of settings, in its sandbox, under a service manager; keys that come and go,
# limits, reloads with mistakes, renewed certificates, usage, top.
. tests/cli/tap.sh

"$SILLOK_BUILD"/tests/tool_make_model "$tap_tmp/tiny.gguf" --tokenizer bpe --chat --d 64 --layers 1 --heads 2 --kv-heads 1 \
    --head-dim 32 --ffn 64 --ctx 256 >/dev/null
S=$tap_tmp/state
socket=$tap_tmp/s.sock
yaml=$tap_tmp/serve.yaml
log=$tap_tmp/log

# settings [MORE]: the file is written into, not replaced: in the sandbox its name alone would not be enough.
settings() {
    {
        printf 'listen:\n  - {path: s.sock}\n'
        [ -z "$tls" ] || printf '  - {address: 127.0.0.1, port: 0, tls_cert: cert.pem, tls_key: key.pem}\n'
        printf 'models:\n  - {name: tiny, path: tiny.gguf}\nstate: state\n%s\n' "$1"
    } >"$yaml"
}
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout "$tap_tmp/k" \
        -out "$tap_tmp/c" 2>/dev/null && cat "$tap_tmp/k" >"$tap_tmp/key.pem" && cat "$tap_tmp/c" >"$tap_tmp/cert.pem"
}
ask() { # COUNT KEY
    python3 tests/cli/lib_ask.py "$socket" 1 "$@"
}
# logged TEXT [COUNT]: waits until the log has it (so often)
in_log() {
    [ "$(grep -c -- "$1" "$log")" -ge "${2-1}" ]
}
logged() {
    waits in_log "$@"
}
# last_told TEXT: whether this is the last thing that the manager was told
last_told() {
    tail -n 1 "$tap_tmp/told" | grep -q -- "$1"
}
# started: waits until the server listens, and says so; its files are those of no server before
started() {
    logged '"event":"sandbox"' && waits grep -q "^listening on unix:" "$tap_tmp/listen" &&
        port=$(sed -n 's/.*https:.*:\([0-9]*\)$/\1/p' "$tap_tmp/listen")
}
subject() {
    openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | sed -n 's/^subject=.*CN *= *//p' | head -n 1
}
tls=
if command -v openssl >/dev/null && certificate first; then tls=1; fi

settings 'threads: 1
limits: {conections: 5}'
exits "--check finds a mistake" 1 "$SILLOK" serve --config "$yaml" --check
has "... and says where, and what was meant" "$(cat "$tap_tmp/err")" 'unknown key "conections" (did you mean connections?)'
settings 'threads: 1'
is "--check of the right one" "$("$SILLOK" serve --config "$yaml" --check)" ok
key=$("$SILLOK" key add 실록 --name one --config "$yaml" 2>/dev/null)
admin=$("$SILLOK" key add operator --admin --config "$yaml" 2>/dev/null)
other=$("$SILLOK" key add other --requests-minute 2 --config "$yaml" 2>/dev/null)

# A service manager: writes down what it is told.
cat >"$tap_tmp/manager.py" <<'EOF'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], "w") as f:
    while True:
        f.write(s.recv(4096).decode().replace("\n", " ") + "\n")
        f.flush()
EOF
python3 "$tap_tmp/manager.py" "$tap_tmp/notify" "$tap_tmp/told" &
manager=$!
waits test -S "$tap_tmp/notify"

: >"$tap_tmp/listen"
: >"$log"
NOTIFY_SOCKET=$tap_tmp/notify "$SILLOK" serve --config "$yaml" >"$tap_tmp/listen" 2>"$log" &
pid=$!
if started; then pass "it starts"; else fail "it starts" "$(cat "$log")"; fi
if grep -q '"files":true,.*"calls":true' "$log"; then
    pass "in its sandbox"
    box=1
else
    skip "in its sandbox" "$(grep '"event":"sandbox"' "$log" | head -c 300)"
    box=
fi
waits grep -q WATCHDOG "$tap_tmp/told"
has "the manager knows that it is ready" "$(head -n 1 "$tap_tmp/told")" "READY=1"
has "... and alive" "$(cat "$tap_tmp/told")" "WATCHDOG=1"

is "answers" "$(ask 5 "$key" | wc -l | tr -d ' ')" 5
exits "two a minute for the other" 1 python3 tests/cli/lib_ask.py "$socket" 1 3 "$other"
has "... then 429" "$(cat "$tap_tmp/err")" 429
new=$("$SILLOK" key add late --config "$yaml" 2>/dev/null)
ok "a key that is added while it runs" waits ask 1 "$new"
"$SILLOK" key revoke late/"$("$SILLOK" key list --state "$S" | sed -n 's|.*late/||p')" --state "$S" 2>/dev/null
more=0 # answers before the server noticed
while [ "$more" -lt 1000 ] && ask 1 "$new" >/dev/null 2>&1; do more=$((more + 1)); done
exits "... and revoked" 1 python3 tests/cli/lib_ask.py "$socket" 1 1 "$new"
has "... is forbidden" "$(cat "$tap_tmp/err")" 403
counted() {
    "$SILLOK" usage --csv --tenant 실록 --state "$S" | tail -n 1 | cut -d, -f2-4 | grep -qxF "$1"
}
ok "usage is counted" waits counted '"실록","tiny",5'
export SILLOK_KEY="$key"
exits "top is not for tenants" 1 "$SILLOK" top "$socket" --once
has "... and says whose key it wants" "$(cat "$tap_tmp/err")" "an administrator's key"
export SILLOK_KEY="$admin"
exits "top" 0 "$SILLOK" top "$socket" --once
has "... shows the model" "$(cat "$tap_tmp/out")" "tiny"
has "... and the record" "$(cat "$tap_tmp/out")" "on record $((8 + more)) answers"
unset SILLOK_KEY

# --- reload ---
settings 'threads: 1
log: {levle: debug}'
kill -HUP "$pid"
ok "a mistake is not taken over" logged 'not reloaded.*did you mean level'
is "... and it answers on" "$(ask 1 "$key" | wc -l | tr -d ' ')" 1
settings 'keys: false
threads: 2
limits: {waiting: 500, waiting_per_tenant: 5}
rates: {requests_per_minute: 1}
log: {level: debug}'
kill -HUP "$pid"
ok "what needs a restart is named" logged '"needs a restart","settings":"threads, limits.waiting, limits.waiting_per_tenant"'
ok "the rest is taken over" logged '"event":"reloaded"'
ok "the manager knows" waits grep -q "RELOADING=1 MONOTONIC_USEC=" "$tap_tmp/told"
is "without keys now" "$(ask 1 | wc -l | tr -d ' ')" 1
exits "... but one a minute" 1 python3 tests/cli/lib_ask.py "$socket" 1 1
settings 'threads: 1'
kill -HUP "$pid"
logged '"event":"reloaded"' 2
exits "with keys again" 1 python3 tests/cli/lib_ask.py "$socket" 1 1
has "... 401" "$(cat "$tap_tmp/err")" 401
cp "$yaml" "$tap_tmp/replaced" && mv "$tap_tmp/replaced" "$yaml"
if [ -n "$box" ]; then
    kill -HUP "$pid"
    ok "a file that was replaced outside of /etc is explained" logged 'not reloaded.*Permission denied.*"hint":"in the sandbox'
fi

# --- certificates --- (written in place, but the settings were replaced just now: a new server)
kill -TERM "$pid"
wait "$pid"
is "SIGTERM ends it with 0" $? 0
cp "$log" "$tap_tmp/first.log"
ok "the manager knows" waits last_told "STOPPING=1"
if [ -n "$tls" ]; then
    : >"$tap_tmp/listen"
    : >"$log"
    "$SILLOK" serve --config "$yaml" >"$tap_tmp/listen" 2>"$log" &
    pid=$!
    started
    is "a certificate" "$(subject)" first
    certificate second
    kill -HUP "$pid"
    ok "... is renewed" logged '"event":"reloaded"'
    is "... for new connections" "$(subject)" second
    "$SILLOK_BUILD"/tests/tool_certificate "$tap_tmp"
    cat "$tap_tmp/good.key" >"$tap_tmp/key.pem"
    cat "$tap_tmp/good.pem" >"$tap_tmp/cert.pem"
    kill -HUP "$pid"
    logged '"event":"reloaded"' 2
    SILLOK_KEY=$admin exits "top, by the name in it" 0 "$SILLOK" top "https://localhost:$port" --ca "$tap_tmp/ca.pem" --once
    has "... shows the model" "$(cat "$tap_tmp/out")" tiny
    SILLOK_KEY=$admin exits "top, without its authority" 1 "$SILLOK" top "https://localhost:$port" --once
    echo broken >"$tap_tmp/key.pem"
    kill -HUP "$pid"
    ok "... unless it is broken" logged 'not reloaded.*certificate'
    is "... then the last one stays" "$(subject)" localhost
    kill -TERM "$pid"
    wait "$pid"
    is "... to the end" $? 0
else
    skip "certificates" "no openssl"
fi
is "no key in any log" "$(cat "$tap_tmp/first.log" "$log" | grep -c sk-sillok)" 0
kill "$manager"
wait "$manager" 2>/dev/null
done_testing
