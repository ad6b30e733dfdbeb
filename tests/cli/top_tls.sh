#!/bin/sh
# sillok top over https: certificates that are good, over, too early, somebody else's; servers that are slow, endless, cut.
. tests/cli/tap.sh

"$SILLOK_BUILD"/tests/tool_certificate "$tap_tmp"
cat >"$tap_tmp/server.py" <<'EOF2'
import os, socket, ssl, struct, sys, threading, time
folder = sys.argv[1]
BODY = b'sillok_connections 5\nsillok_ledger_entries_total 17\nsillok_requests_running{model_name="guide"} 3\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"
def read_head(s):
    head = b""
    while b"\r\n\r\n" not in head:
        more = s.recv(4096)
        if not more:
            break
        head += more
    return head
def reset(s): # no goodbye of TLS, no end of TCP
    os.close(s.detach()) if isinstance(s, ssl.SSLSocket) else s.close()
def good(s):
    head = read_head(s)
    if b"Authorization: Bearer sk-sillok-good\r\n" in head:
        s.sendall(HEAD + LENGTH % len(BODY) + BODY)
    else:
        s.sendall(b"HTTP/1.1 401 Unauthorized\r\n\r\n{}")
    s.unwrap()
def no_length(s):
    read_head(s)
    s.sendall(HEAD + b"\r\n" + BODY)
    s.unwrap()
def no_goodbye(s): # but whole, as its length says
    read_head(s)
    s.sendall(HEAD + LENGTH % len(BODY) + BODY)
    reset(s)
def cut(s):
    read_head(s)
    s.sendall(HEAD + b"\r\n" + BODY)
    reset(s)
def short(s):
    read_head(s)
    s.sendall(HEAD + LENGTH % (len(BODY) + 1) + BODY)
    s.unwrap()
def drip(s):
    read_head(s)
    while True:
        s.sendall(b"H")
        time.sleep(0.1)
def endless(s):
    read_head(s)
    s.sendall(HEAD + b"\r\n")
    while True:
        s.sendall(b"x" * 65536)
def silent(s):
    while s.recv(4096):
        pass
def ssh(s):
    s.sendall(b"SSH-2.0-none\r\n")
    s.recv(4096)
def plain(s):
    s.recv(4096)
    s.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
def serve(name, cert, does):
    tls = None
    if cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(f"{folder}/{cert}.pem", f"{folder}/{cert}.key")
    listener = socket.create_server(("127.0.0.1", 0))
    def one(s):
        try:
            if tls:
                s = tls.wrap_socket(s, server_side=True)
            does(s)
        except OSError:
            pass
        finally:
            s.close()
    def all():
        while True:
            s, _ = listener.accept()
            threading.Thread(target=one, args=(s,), daemon=True).start()
    threading.Thread(target=all, daemon=True).start()
    return f"{name} {listener.getsockname()[1]}\n"
ports = "".join(serve(c, c, good) for c in ("good", "expired", "early", "other", "self", "stranger"))
for f in (no_length, no_goodbye, cut, short, drip, endless, ssh):
    ports += serve(f.__name__, "good", f)
for f in (silent, plain):
    ports += serve(f.__name__, None, f)
with open(folder + "/ports.new", "w") as f:
    f.write(ports)
os.rename(folder + "/ports.new", folder + "/ports")
while True:
    time.sleep(1000)
EOF2
python3 "$tap_tmp/server.py" "$tap_tmp" &
server=$!
waits test -f "$tap_tmp/ports"
# at NAME [HOST]: the address of one of the servers
at() {
    echo "https://${2-localhost}:$(sed -n "s/^$1 //p" "$tap_tmp/ports")"
}
ca=$tap_tmp/ca.pem
export SILLOK_KEY=sk-sillok-good

exits "by name" 0 "$SILLOK" top "$(at good)" --ca "$ca" --once
has "... the numbers" "$(cat "$tap_tmp/out")" "on record 17 answers"
exits "by address" 0 "$SILLOK" top "$(at good 127.0.0.1)" --ca "$ca" --once
SILLOK_KEY=wrong exits "with another key" 1 "$SILLOK" top "$(at good)" --ca "$ca" --once
has "... it says what to set" "$(cat "$tap_tmp/err")" "SILLOK_KEY"
exits "an authority that the system does not know" 1 "$SILLOK" top "$(at good)" --once
has "... it says what to give" "$(cat "$tap_tmp/err")" "--ca FILE"
exits "one of another authority" 1 "$SILLOK" top "$(at stranger)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "no authority that that file names"
exits "one that signed itself" 1 "$SILLOK" top "$(at self)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "no authority"
exits "... unless it is named" 0 "$SILLOK" top "$(at self)" --ca "$tap_tmp/self.pem" --once
exits "an expired one" 1 "$SILLOK" top "$(at expired)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "has expired"
exits "one of tomorrow" 1 "$SILLOK" top "$(at early)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "clock"
exits "one for another name" 1 "$SILLOK" top "$(at other)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "not for localhost"
exits "one for other names than the address" 1 "$SILLOK" top "$(at other 127.0.0.1)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "not for 127.0.0.1"
exits "authorities that are none" 1 "$SILLOK" top "$(at good)" --ca "$tap_tmp/good.key" --once
has "... says so" "$(cat "$tap_tmp/err")" "no certificate in PEM form"
exits "authorities that are not there" 1 "$SILLOK" top "$(at good)" --ca "$tap_tmp/none.pem" --once
exits "--ca without https" 1 "$SILLOK" top http://127.0.0.1:1 --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "https"

exits "an answer without its length" 0 "$SILLOK" top "$(at no_length)" --ca "$ca" --once
exits "a whole one without goodbye" 0 "$SILLOK" top "$(at no_goodbye)" --ca "$ca" --once
exits "one that is cut" 1 "$SILLOK" top "$(at cut)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "cut off"
exits "one that is shorter than it says" 1 "$SILLOK" top "$(at short)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "cut off"
exits "one without an end" 1 "$SILLOK" top "$(at endless)" --ca "$ca" --once --timeout 60
has "... says so" "$(cat "$tap_tmp/err")" "sends too much"
exits "one that drips" 1 timeout 60 "$SILLOK" top "$(at drip)" --ca "$ca" --once --timeout 1
has "... says so" "$(cat "$tap_tmp/err")" "in time"
exits "a server that says nothing" 1 timeout 60 "$SILLOK" top "$(at silent)" --ca "$ca" --once --timeout 1
has "... says so" "$(cat "$tap_tmp/err")" "in time"
exits "... nor without TLS" 1 timeout 60 "$SILLOK" top "$(at silent | sed s/https/http/)" --once --timeout 1
has "... says so" "$(cat "$tap_tmp/err")" "in time"
exits "no HTTP behind TLS" 1 "$SILLOK" top "$(at ssh)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "does not speak HTTP"
exits "no TLS there" 1 "$SILLOK" top "$(at plain)" --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "does not speak TLS"
exits "nobody there" 1 "$SILLOK" top https://127.0.0.1:1 --ca "$ca" --once
has "... says so" "$(cat "$tap_tmp/err")" "is the server running?"
kill "$server"
wait "$server" 2>/dev/null
done_testing
