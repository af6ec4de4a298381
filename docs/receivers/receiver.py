#!/usr/bin/env python3
"""A receiver of recording events, to copy from. It checks both signatures, takes
each event once, and writes it to a file before it answers:

    CALLBACK_KEY=secret python3 receiver.py 127.0.0.1:8099 events.jsonl

CALLBACK_KEY may hold several keys with commas between them, while rotating.
Needs nothing but Python 3.8 or later."""

import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLOCK_SKEW = 300  # seconds that the sender's clock may be off
LONGEST = 1 << 20  # bytes of a body


def same(a, b):
    return hmac.compare_digest(a.encode(), b.encode())


def verify(keys, header, body, now):
    """Checks X-Signature, and the original's sign in the body. The first is the
    one to rely on: it covers the whole body. Returns what is wrong, or None."""
    parts = [p.partition("=") for p in header.split(",")]
    stamp = next((v for n, _, v in parts if n == "t"), "")
    signatures = [v for n, _, v in parts if n == "v1"]
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp)) > CLOCK_SKEW:
        return "X-Signature is missing, or its time is not ours"
    expected = [hmac.new(k.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest() for k in keys]
    if not any(same(e, s) for e in expected for s in signatures):
        return "X-Signature is wrong"
    event = json.loads(body)
    t, sign = event.get("t"), event.get("sign")
    if not isinstance(t, int) or not isinstance(sign, str) or now > t:
        return "sign is missing or too old"
    if not any(same(hashlib.md5((k + str(t)).encode()).hexdigest(), sign) for k in keys):
        return "sign is wrong"
    return None


class Events:
    """The file of events. Only what is safe on disk may be answered."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.file = open(path, "a+", encoding="utf-8")
        self.seen = set()
        self.file.seek(0)
        for line in self.file:
            try:
                self.seen.add(json.loads(line)["id"])
            except (ValueError, KeyError, TypeError):
                pass  # a torn line was not answered: it comes again
        self.file.write("\n")  # ends a torn line

    def take(self, event_id, sequence, body):
        with self.lock:
            if event_id in self.seen:
                return
            record = {"id": event_id, "sequence": sequence, "body": json.loads(body)}
            self.file.write(json.dumps(record) + "\n")
            self.file.flush()
            os.fsync(self.file.fileno())
            self.seen.add(event_id)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= LONGEST:
            self.close_connection = True
            return self.answer(400, "unreadable")
        body = self.rfile.read(length)
        try:
            wrong = verify(self.server.keys, self.headers.get("X-Signature", ""), body, time.time())
        except (ValueError, AttributeError):
            wrong = "the body is no JSON object"
        if wrong:
            print(wrong, file=sys.stderr)
            return self.answer(401, "bad signature")
        try:
            self.server.events.take(self.headers["X-Event-Id"], int(self.headers["X-Event-Sequence"]), body)
        except OSError as e:
            print(e, file=sys.stderr)
            return self.answer(503, "try again")
        return self.answer(200, '{"code":0}')

    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def main():
    keys = [k for k in os.environ.get("CALLBACK_KEY", "").split(",") if k]
    if not keys:
        sys.exit("CALLBACK_KEY is not set")
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8099").rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    server.keys = keys
    server.events = Events(sys.argv[2] if len(sys.argv) > 2 else "events.jsonl")
    print("listening on %s:%d" % server.server_address[:2], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
