"""A small server in the place of an IDE's: it returns the request that it received, and redirects as those do."""

from __future__ import annotations

import json
import os
import signal
import sys
from base64 import b64encode
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# As the signal ends it, so that the front's own status can be distinguished from its.
STATUS = 7


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.endswith("/redirect"):
            self.send_response(302)
            self.send_header("Location", parse_qs(url.query)["to"][0].replace("HOST", self.headers["Host"]))
            self.end_headers()
        elif url.path.endswith("/exit"):
            os.kill(os.getpid(), signal.SIGTERM)
        elif url.path.endswith("/socket"):
            self.send_response(101)
            self.send_header("Upgrade", self.headers["Upgrade"])
            self.send_header("Connection", self.headers["Connection"])
            # What a browser wants to see (RFC 6455, section 1.3).
            key = self.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_header("Sec-WebSocket-Accept", b64encode(sha1(key.encode()).digest()).decode())
            self.end_headers()
            self.wfile.write(self.rfile.readline())
            self.wfile.flush()
            self.rfile.readline()
            self.close_connection = True
        else:
            body = json.dumps({"path": self.path, "headers": dict(self.headers)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    if sys.argv[2:] == ["stubborn"]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(STATUS))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
