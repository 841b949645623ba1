"""HTTP servers on this machine: a package index that counts what it sends, and mirrors that lie."""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.monobase.wheels import Index

# What a server answers in place of a file: gets its path and bytes, returns the status and the bytes.
Answer = Callable[[str, bytes], tuple[int, bytes]]


def honest(path: str, data: bytes) -> tuple[int, bytes]:
    return 200, data


class Served:
    """A folder that is served: how often, how many bytes, and what is answered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.paths: list[str] = []
        self.bytes = 0
        self.answer: Answer = honest
        self.pause = 0.0
        # How many bytes of each file are sent before the connection ends; all of them when it is negative.
        self.cut = -1
        self.lock = threading.Lock()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, served: Served, *arguments: object) -> None:
        self.served = served
        super().__init__(*arguments, directory=str(served.folder))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        status, data = self.served.answer(self.path, path.read_bytes()) if path.is_file() else (404, b"")
        with self.served.lock:
            self.served.paths.append(self.path)
            self.served.bytes += len(data)
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if path.suffix == ".html" else "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        time.sleep(self.served.pause)
        self.wfile.write(data if self.served.cut < 0 else data[: self.served.cut])

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a folder on a free port."""
    served = Served(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, served)) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def write_simple(index: Index) -> None:
    """Write the pages by which a package index lists its wheels (PEP 503)."""
    for wheel in index.folder.glob("*.whl"):
        page = index.folder / "simple" / wheel.name.partition("-")[0] / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        before = page.read_text() if page.exists() else "<!DOCTYPE html>\n"
        page.write_text(f'{before}<a href="../../{wheel.name}#sha256={digest}">{wheel.name}</a>\n')
