"""An API server in this process, for faults that a real one has only now and then: objects, watches, deletions."""

from __future__ import annotations

import itertools
import json
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

Json = dict[str, Any]
NAMESPACE = "team"
LOST, LOST_AFTER = 0, 1


@dataclass
class ApiServer:
    """Its objects by kind and name. `fault` is called before each request: a status that it returns is the answer.

    LOST ends the connection without one, LOST_AFTER does so once it is done.
    """

    objects: dict[str, dict[str, Json]] = field(default_factory=dict)
    fault: Callable[[str, str], int | None] = lambda method, path: None
    refusal: str = "it is a test"
    requests: list[str] = field(default_factory=list)
    watchers: list[queue.Queue[Json]] = field(default_factory=list)
    expired: bool = False
    lock: Any = field(default_factory=threading.RLock)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    port: int = 0

    def write_kubeconfig(self, folder: Path, authority: str) -> str:
        """Write a kubeconfig that leads here; return its path."""
        cluster = {"server": f"https://localhost:{self.port}", "certificate-authority": "ca.pem"}
        (folder / "ca.pem").write_text(authority)
        config = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "t0ken"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
            "current-context": "x",
        }
        (folder / "kubeconfig").write_text(json.dumps(config))
        return str(folder / "kubeconfig")

    def tell(self, kind: str, change: str, found: Json) -> None:
        found["metadata"]["resourceVersion"] = str(next(self.numbers))
        if kind == "pods":
            for each in self.watchers:
                each.put({"type": change, "object": json.loads(json.dumps(found))})

    def post(self, kind: str, body: Json) -> tuple[int, Json]:
        of, name = self.objects.setdefault(kind, {}), body["metadata"]["name"]
        if name in of:
            return 409, {"message": f'{kind} "{name}" already exists'}
        body["metadata"]["uid"] = f"uid-{next(self.numbers)}"
        if kind == "pods":
            body["status"] = {"phase": "Pending"}
        if kind == "persistentvolumeclaims":
            body["status"] = {"phase": "Bound"}
        of[name] = body
        self.tell(kind, "ADDED", body)
        return 201, body

    def delete(self, kind: str, name: str, options: Json) -> tuple[int, Json]:
        found = self.objects[kind][name]
        wanted = (options.get("preconditions") or {}).get("uid", found["metadata"]["uid"])
        if wanted != found["metadata"]["uid"]:
            return 409, {"message": "the UID in the precondition does not match"}
        grace = options.get("gracePeriodSeconds", 30)
        runs = kind == "pods" and found["spec"].get("nodeName")
        if runs and grace and found["status"]["phase"] in ("Pending", "Running"):
            found["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
            self.tell(kind, "MODIFIED", found)
        else:
            del self.objects[kind][name]
            self.tell(kind, "DELETED", found)
        return 200, found


def _merged(into: Json, patch: Json) -> None:
    """Change an object as a merge patch says (RFC 7386)."""
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            _merged(into[key], value)
        else:
            into[key] = value


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

        def log_message(self, *args: object) -> None:
            pass

        def do(self) -> None:
            path = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
            status = None
            # What plays the node has its own way in: faults are for the engine.
            if self.headers.get("User-Agent") != "node":
                server.requests.append(f"{self.command} {path.path}")
                status = server.fault(self.command, path.path)
            if status == LOST:
                self.close_connection = True
                return
            if status not in (None, LOST_AFTER):
                self.send(status, {"kind": "Status", "message": server.refusal})
                return
            query = {key: values[0] for key, values in parse_qs(path.query).items()}
            words = path.path.split("/")[3:]
            words = words[2:] if words[0] == "namespaces" else words
            if query.get("watch") == "true":
                self.watch()
                return
            with server.lock:
                answer = self.answer(words, query, body)
            if status == LOST_AFTER:
                self.close_connection = True
                return
            self.send(*answer)

        do_GET = do_POST = do_PATCH = do_DELETE = do

        def answer(self, words: list[str], query: dict[str, str], body: Json) -> tuple[int, Any]:
            kind, of = words[0], server.objects.get(words[0], {})
            if len(words) == 1 and self.command == "POST":
                return server.post(kind, body)
            if len(words) == 1:
                wanted = [each.split("=") for each in query.get("labelSelector", "").split(",") if each]
                named = query.get("fieldSelector", "").removeprefix("metadata.name=")
                items = [
                    each
                    for name, each in of.items()
                    if named in ("", name)
                    and all(each["metadata"].get("labels", {}).get(key) == value for key, value in wanted)
                ]
                return 200, {"metadata": {"resourceVersion": str(next(server.numbers))}, "items": items}
            found = of.get(words[1])
            if found is None:
                return 404, {"message": f'{kind} "{words[1]}" not found'}
            if words[2:] == ["log"]:
                return 200, "one\ntwo\n"
            if words[2:] == ["binding"]:
                found["spec"]["nodeName"] = body["target"]["name"]
                return 201, {}
            if self.command == "PATCH":
                _merged(found, body)
                server.tell(kind, "MODIFIED", found)
            return server.delete(kind, words[1], body) if self.command == "DELETE" else (200, found)

        def send(self, status: int | None, body: Any) -> None:  # noqa: ANN401
            text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status or 200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def watch(self) -> None:
            mine: queue.Queue[Json] = queue.Queue()
            server.watchers.append(mine)
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            if server.expired:
                mine.put({"type": "ERROR", "object": {"code": 410, "reason": "Expired"}})
            while event := mine.get():
                self.wfile.write(json.dumps(event).encode() + b"\n")

    return Handler


@contextmanager
def serving() -> Iterator[tuple[ApiServer, str]]:
    """Yield a server, and the certificate by which it is known."""
    authority, server = trustme.CA(), ApiServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads, http.block_on_close = True, False
    http.socket = context.wrap_socket(http.socket, server_side=True)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server, authority.cert_pem.bytes().decode()
    finally:
        for each in server.watchers:
            each.put({})
        http.shutdown()
        http.server_close()
        thread.join()
