#!/bin/sh
# sillok serve as a program: settings, keys, signals, kill -9 at any moment.
. tests/cli/tap.sh

model=$tap_tmp/tiny.gguf
"$SILLOK_BUILD"/tests/tool_make_model "$model" --tokenizer bpe --chat --d 64 --layers 1 --heads 2 --kv-heads 1 --head-dim 32 --ffn 64 \
    --ctx 256 >/dev/null
state=$tap_tmp/state
socket=$tap_tmp/socket
log=$tap_tmp/log

# start ARGS: a server in the background, its process in $pid, once it listens
start() {
    : >"$tap_tmp/listen"
    "$SILLOK" serve "$model" --port 0 --socket "$socket" --state "$state" -t 1 "$@" >"$tap_tmp/listen" 2>"$log" &
    pid=$!
    waits listens_or_ended
    grep -q "unix:" "$tap_tmp/listen" && return
    fail "the server starts" "$(cat "$log")"
    return 1
}
listens_or_ended() {
    grep -q "unix:" "$tap_tmp/listen" || ! kill -0 "$pid" 2>/dev/null
}
# stop SIGNAL: sends it and waits; the exit code in $code
stop() {
    kill -s "$1" "$pid"
    wait "$pid" 2>/dev/null
    code=$?
}
ask() { # THREADS COUNT [KEY]
    python3 tests/cli/lib_ask.py "$socket" "$@"
}

is "settings are checked without a server" "$("$SILLOK" serve "$model" --check)" "ok"
exits "a model that is not there" 1 "$SILLOK" serve "$tap_tmp/none.gguf" --check
has "... is named" "$(cat "$tap_tmp/err")" "none.gguf"
exits "no model at all is wrong usage" 2 "$SILLOK" serve
exits "no such option" 2 "$SILLOK" serve "$model" --prt 1
has "... and the nearest one" "$(cat "$tap_tmp/err")" "--port"

# Keys on every endpoint but health.
key=$("$SILLOK" key add tester --state "$state" | grep -o 'sk-sillok-[A-Za-z0-9_-]*' | head -n 1)
has "a key is made" "$key" "sk-sillok-"
start
is "with the key there are answers" "$(ask 1 2 "$key" | wc -l | tr -d ' ')" 2
exits "without it there are none" 1 python3 tests/cli/lib_ask.py "$socket" 1 1
has "... but 401" "$(cat "$tap_tmp/err")" "401"
exits "a socket that is taken" 1 "$SILLOK" serve "$model" --port 0 --socket "$socket" --state "$tap_tmp/other" --no-keys
has "... is named" "$(cat "$tap_tmp/err")" "$socket"
exits "a state directory that is taken" 1 "$SILLOK" serve "$model" --port 0 --state "$state" --no-keys
exits "audit erase beside the server" 1 "$SILLOK" audit erase 0 --state "$state"
has "... says what to send it" "$(cat "$tap_tmp/err")" "DELETE /record/entries/0/transcript"
exits "audit erase of what is not there" 1 "$SILLOK" audit erase req_none --state "$state"
has "... says that" "$(cat "$tap_tmp/err")" "no entry of the log is called"
operator=$("$SILLOK" key add operator --admin --state "$state" | grep -o 'sk-sillok-[A-Za-z0-9_-]*' | head -n 1)
cat >"$tap_tmp/erase.py" <<'EOF2'
import http.client, socket, sys, time
for _ in range(200):  # a key that was made just now counts within a fifth of a second
    c = http.client.HTTPConnection("localhost")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(sys.argv[1])
    c.request("DELETE", "/record/entries/0/transcript", headers={"Authorization": "Bearer " + sys.argv[2]})
    r = c.getresponse()
    said = r.read().decode()
    if r.status != 401:
        break
    time.sleep(0.05)
print(r.status, said)
EOF2
is "... which erases it" "$(python3 "$tap_tmp/erase.py" "$socket" "$operator")" \
    '200 {"object":"record.erasure","entry":0,"had":true,"transcript":"erased"}'
has "... and notes it" "$(grep '"event":"erase"' "$log")" '"tenant":"operator"*"entry":0,"had":true'
has "... as the auditor sees it beside the server" "$("$SILLOK" audit verify --state "$state")" "1 were erased"
kill -HUP "$pid"
is "after SIGHUP it answers on" "$(ask 1 1 "$key" | wc -l | tr -d ' ')" 1
stop TERM
is "SIGTERM ends it with 0" "$code" 0
ok "no prompt's text is in the log" sh -c "! grep -q 안녕 '$log'"

# kill -9 under load: what was acknowledged is on record, and the record goes on.
rounds=${CRASH_ROUNDS:-6}
lost=
acked=-1
for round in $(seq "$rounds"); do
    start --no-keys || break
    : >"$tap_tmp/acks"
    ask 4 0 >"$tap_tmp/acks" 2>/dev/null &
    asker=$!
    waits test -s "$tap_tmp/acks"
    sleep "0.$((round * 37 % 80 + 15))"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
    wait "$asker"
    last=$(sort -n "$tap_tmp/acks" | tail -n 1)
    [ -z "$last" ] || acked=$last
    [ "$(sort "$tap_tmp/acks" | uniq -d | wc -l)" -eq 0 ] || lost="$lost an entry was given twice;"
    start --no-keys || break
    next=$(ask 1 1)
    [ "$next" -gt "$acked" ] || lost="$lost entry $acked was acknowledged, the next is $next;"
    acked=$next
    stop TERM
done
is "after $rounds times kill -9 nothing acknowledged is missing" "$lost" ""
ok "... and there were answers" test "$acked" -gt "$rounds"
ok "... and the whole record is sound" "$SILLOK" audit verify --state "$state"
for n in 1 "$acked"; do
    ok "answer $n is computed again, in another way" "$SILLOK" audit replay "$n" --state "$state" --model "$model" -t 2 --cpu scalar
done
done_testing
