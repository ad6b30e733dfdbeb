"""Asks a server on a Unix socket without end and prints the index of each entry that it acknowledged.

usage: lib_ask.py SOCKET THREADS COUNT [KEY]   COUNT requests in each thread, 0: until the server is gone
"""
import json
import socket
import sys
import threading

path, threads, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
key = sys.argv[4] if len(sys.argv) > 4 else None
body = json.dumps({"model": "tiny", "prompt": "안녕", "max_tokens": 3}).encode()
head = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
head += "Authorization: Bearer %s\r\n\r\n" % key if key else "\r\n"
lock = threading.Lock()
bad = []


def read_reply(s):
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            return None, None
        data += more
    top, rest = data.split(b"\r\n\r\n", 1)
    fields = dict(line.lower().split(b": ", 1) for line in top.split(b"\r\n")[1:])
    while len(rest) < int(fields[b"content-length"]):
        more = s.recv(65536)
        if not more:
            return None, None
        rest += more
    return int(top.split()[1]), fields


def ask():
    done = 0
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        while count == 0 or done < count:
            s.sendall(head.encode() + body)
            status, fields = read_reply(s)
            if status is None:
                return
            with lock:
                if status == 200:
                    print(int(fields[b"x-sillok-entry"]), flush=True)
                else:
                    bad.append(status)
            done += 1
    except OSError:
        return


workers = [threading.Thread(target=ask) for _ in range(threads)]
for w in workers:
    w.start()
for w in workers:
    w.join()
if bad:
    print("status", sorted(set(bad)), file=sys.stderr)
    sys.exit(1)
