#!/bin/sh
# sillok top: against a server that gives made-up numbers, over TCP and a Unix socket; and against what is no such server.
. tests/cli/tap.sh

cat >"$tap_tmp/server.py" <<'EOF'
import os, socketserver, sys, time
folder = sys.argv[1]
looks = 0
def metrics():
    global looks
    looks += 1
    n, ttft = (100, 4) if looks % 2 else (300, 8)
    bounds = [0.001 * 2 ** i for i in range(20)]
    rows = ["# HELP sillok_requests_running x", "# TYPE sillok_requests_running gauge",
            'sillok_requests_running{model_name="guide"} 3', 'sillok_requests_waiting{model_name="guide"} 2',
            'sillok_kv_pages{model_name="guide"} 200', 'sillok_kv_pages_used{model_name="guide"} 50',
            'sillok_generation_tokens_total{model_name="guide"} %d' % n,
            'sillok_energy_joules_total{model_name="guide"} %d' % (n * 2),
            'sillok_requests_running{model_name="a\\"b\\u001b[31m"} 1',
            "sillok_ledger_entries_total 17", "sillok_ledger_failures_total 1", "sillok_connections 5",
            'sillok_http_refused_total{status="401"} 4', 'sillok_http_refused_total{status="429"} 5',
            "sillok_replays_asked_total 12", 'sillok_replays_total{result="equal"} 7',
            'sillok_replays_total{result="different"} 2', 'sillok_replays_total{result="refused"} 1',
            'sillok_replays_total{result="something else"} 5',
            "process_start_time_seconds %d" % (time.time() - 3725), "something_else{x=\"y\"} nan", "sillok_connections", "{", "} 5",
            'sillok_requests_running{model_name="' + "x" * 500 + '"} 1']
    for i, b in enumerate(bounds + [None]):
        rows.append('sillok_time_to_first_token_seconds_bucket{model_name="guide",le="%s"} %d'
                    % ("+Inf" if b is None else "%g" % b, 0 if i < 5 else ttft))
    return "\n".join(rows) + "\n"
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.request.recv(4096)
            if not more:
                return
            head += more
        if b"/metrics" in head and b"Authorization: Bearer sk-sillok-good\r\n" not in head:
            self.wfile.write(b"HTTP/1.1 401 Unauthorized\r\n\r\n{}")
        else:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + metrics().encode())
class Other(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.recv(4096)
        self.wfile.write(b"SSH-2.0-none\r\n")
import threading
tcp = socketserver.TCPServer(("127.0.0.1", 0), Handler)
unix = socketserver.UnixStreamServer(folder + "/s.sock", Handler)
other = socketserver.UnixStreamServer(folder + "/other.sock", Other)
for s in (unix, other):
    threading.Thread(target=s.serve_forever, daemon=True).start()
with open(folder + "/port.new", "w") as f:
    f.write(str(tcp.server_address[1]))
os.rename(folder + "/port.new", folder + "/port")
tcp.serve_forever()
EOF
python3 "$tap_tmp/server.py" "$tap_tmp" &
server=$!
waits test -f "$tap_tmp/port"
port=$(cat "$tap_tmp/port")

exits "without a key" 1 "$SILLOK" top "http://127.0.0.1:$port" --once
has "... it says what to set" "$(cat "$tap_tmp/err")" "SILLOK_KEY"
export SILLOK_KEY=sk-sillok-good
exits "one look over TCP" 0 "$SILLOK" top "http://127.0.0.1:$port" --once
out=$(cat "$tap_tmp/out")
has "... the time up" "$out" "up 1:02"
has "... what runs" "$out" "running 3   waiting 2   KV 25 % of 200 pages"
has "... refusals of all kinds" "$out" "refused 9"
has "... the record" "$out" "on record 17 answers"
has "... and what it could not keep" "$out" "1 could not be"
has "... answers computed again" "$out" "computed again 12: equal 7, different 2, refused 1, failed 0, cancelled 0"
has "... energy" "$out" "2.00 J a token"
# All between 16 and 32 ms: half of them by 24 ms.
has "... quantiles inside a bucket" "$out" "24.0 ms"
is "... no control character of a name" "$(grep -c "$(printf '\033')" "$tap_tmp/out")" 0
exits "over a Unix socket" 0 "$SILLOK" top "unix:$tap_tmp/s.sock" --once
exits "... by its path" 0 "$SILLOK" top "$tap_tmp/s.sock" --once

# Two looks: rates are those between them (200 tokens in 0.2 s or a little more).
: >"$tap_tmp/two" # there before the first look at it
"$SILLOK" top "$tap_tmp/s.sock" --interval 0.2 >"$tap_tmp/two" 2>&1 &
top=$!
looked() { # COUNT: lines with a rate
    [ "$(grep -c 'tokens/s' "$tap_tmp/two")" -ge "$1" ]
}
waits looked 8
kill "$top" 2>/dev/null
wait "$top" 2>/dev/null
rate=$(sed -n 's/.*answers \([0-9]*\)\..*/\1/p' "$tap_tmp/two" | sort -n | tail -n 1)
ok "rates between two looks ($rate tokens/s)" test "$rate" -gt 20 -a "$rate" -le 1000

exits "nobody there" 1 "$SILLOK" top "$tap_tmp/none.sock" --once
has "... says so" "$(cat "$tap_tmp/err")" "is the server running?"
exits "no HTTP" 1 "$SILLOK" top "$tap_tmp/other.sock" --once
has "... says so" "$(cat "$tap_tmp/err")" "does not speak HTTP"
exits "a bad interval" 2 "$SILLOK" top --interval 0
SILLOK_KEY=$(printf 'a\r\nX: y') exits "a key with lines" 1 "$SILLOK" top "$tap_tmp/s.sock" --once
kill "$server"
wait "$server" 2>/dev/null
done_testing
