"""What nginx asks about each request, and what people see who are not in yet."""

from __future__ import annotations

import html
import socketserver
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

from workbench_front.access import Access, Request, Verdict, clean

# Below the prefix; no IDE has such a path.
LOGIN = "/_workbench/login"
# A form with a token and a path.
_LONGEST = 16384
_STATUS = {Verdict.FOREIGN_HOST: 403, Verdict.FOREIGN_ORIGIN: 403}
_WORDS = {
    Verdict.NO_TOKEN: "The token is in the address that the workbench printed when it started: look at its log.",
    Verdict.WRONG_TOKEN: "This is not the token of this workbench. Its log has the address with the right one.",
    Verdict.FOREIGN_HOST: "The workbench does not know the name in this address. Use localhost or an IP address, "
    "or start it with WORKBENCH_HOSTS=NAME.",
    Verdict.FOREIGN_ORIGIN: "A page of another address sent this request, and only pages of the workbench may.",
}
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:15vh auto;padding:0 1em;color-scheme:light dark}}
input,button{{font:inherit;padding:.4em .6em}}input{{width:100%;box-sizing:border-box;margin:.3em 0 1em}}</style>
</head><body><h1>{name}</h1><p role="status">{words}</p>
{form}</body></html>
"""
_FORM = """\
<form method="post" action="{action}"><input type="hidden" name="next" value="{next}">
<label>Token<input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Open</button></form>
"""


class AccessServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers nginx on the socket at `path`: who gets in, and the page for those who do not."""

    daemon_threads = True
    # A page of an editor asks for hundreds of files at once, and nginx asks us about each.
    request_queue_size = 1024

    def __init__(self, path: Path, name: str, prefix: str, access: Access) -> None:
        super().__init__(str(path), _Handler)
        self.name, self.prefix, self.access = name, prefix, access

    def start(self) -> None:
        """Answer from a thread of its own, for as long as the process lives."""
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: AccessServer
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        """Answer one request of nginx, whatever its method is."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        request = _request(self.headers)
        verdict = self.server.access.verdict(request)
        step = self.headers["X-Front-Step"]
        if step == "check":
            self._check(request, verdict)
        elif step == "login" and request.method == "POST":
            self._login(request, verdict)
        elif verdict == Verdict.ENTER:
            self._enter(request, clean(request.uri))
        elif step == "login":
            self._redirect(f"{self.server.prefix}/")
        else:
            self._page(verdict, clean(request.uri) if request.method in ("GET", "HEAD") else f"{self.server.prefix}/")

    def _check(self, request: Request, verdict: Verdict) -> None:
        passes = verdict == Verdict.PASS
        self.send_response(204 if passes else _STATUS.get(verdict, 401))
        if passes:
            cookie, authorization = self.server.access.passed_on(request)
            self.send_header("X-Front-Cookie", cookie)
            self.send_header("X-Front-Authorization", authorization)
        else:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def _login(self, request: Request, verdict: Verdict) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > _LONGEST:
            self.close_connection = True
            self._page(Verdict.NO_TOKEN, f"{self.server.prefix}/")
            return
        form = parse_qs(self.rfile.read(int(length)).decode(errors="replace"))
        following = clean(form.get("next", [""])[0])
        if not following.startswith(f"{self.server.prefix}/"):
            following = f"{self.server.prefix}/"
        if verdict in _STATUS:
            self._page(verdict, following)
        elif self.server.access.right(form.get("token", [""])[0].strip()):
            self._enter(request, following)
        else:
            self._page(Verdict.WRONG_TOKEN, following)

    def _enter(self, request: Request, following: str) -> None:
        access, host = self.server.access, request.host
        secure = "; Secure" if request.header("x-forwarded-proto").lower() == "https" else ""
        cookie = f"{access.cookie_name(host)}={access.cookie_value(host)}"
        self._redirect(following, f"{cookie}; Path={self.server.prefix}/; HttpOnly; SameSite=Lax{secure}")

    def _redirect(self, to: str, cookie: str = "") -> None:
        self.send_response(303)
        self.send_header("Location", to)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self._end(b"", "no-referrer")

    def _page(self, verdict: Verdict, following: str) -> None:
        status = _STATUS.get(verdict, 401)
        words = _WORDS.get(verdict, "")
        form = _FORM.format(action=f"{self.server.prefix}{LOGIN}", next=html.escape(following)) if status == 401 else ""
        self.send_response(status)
        if "text/html" in self.headers.get("Accept", ""):
            self.send_header("Content-Type", "text/html; charset=utf-8")
            body = _PAGE.format(name=html.escape(self.server.name), words=words, form=form)
        else:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            body = f"{words}\n"
        # Without a referrer the form's own request would have no origin either.
        self._end(body.encode(), "same-origin")

    def _end(self, body: bytes, referrer: str) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", referrer)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        )
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: requests have tokens in their addresses."""


def _request(headers: Message) -> Request:
    """Return the browser's request, of which nginx hands on all headers, and the rest in some of its own."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        found[name.lower()] = f"{found[name.lower()]}; {value}" if name.lower() in found else value
    found["upgrade"] = found.pop("x-front-upgrade", "")
    return Request(found.pop("x-front-method", "GET"), found.pop("x-front-uri", "/"), found)
