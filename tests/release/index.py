"""A package index on loopback with tiny wheels, and locks of them: whatever happens to a package can happen here."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from workbench.lock.pipfile import digest as pipfile_digest

SOURCE = '[[source]]\nname = "index"\nurl = "${PIP_INDEX_URL}"\nverify_ssl = true\n\n'


def wheel(name: str, version: str, needs: Sequence[str] = ()) -> bytes:
    """The bytes of a wheel with nothing in it but its name, version and what it needs: the same each time."""
    stem = name.replace("-", "_")
    info, data = f"{stem}-{version}.dist-info", io.BytesIO()
    requires = "".join(f"Requires-Dist: {each}\n" for each in needs)
    files = {
        f"{stem}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(data, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return data.getvalue()


class Index:
    """The packages of an index by name and version; `yanked` are the yanked ones, with the reason."""

    def __init__(self) -> None:
        self.url = ""
        # How pages are written: as HTML (PEP 503), or as JSON (PEP 691).
        self.as_json = False
        self.status = 200
        self.wheels: dict[str, dict[str, bytes]] = {}
        self.yanked: dict[tuple[str, str], str] = {}
        # The platforms that a version has wheels for, where it is not every one.
        self.platforms: dict[tuple[str, str], Sequence[str]] = {}
        # In JSON: the files of a version, where they are others than one wheel, and the size that a page has of a file.
        self.files: dict[tuple[str, str], Sequence[str]] = {}
        self.sizes: dict[str, int] = {}
        # A request for something below this ("simple", "files") sets `requested` and waits for `released`.
        self.waits_for = ""
        self.requested, self.released = threading.Event(), threading.Event()

    def add(self, name: str, *versions: str, needs: Sequence[str] = ()) -> None:
        for version in versions:
            self.wheels.setdefault(name, {})[version] = wheel(name, version, needs)

    def page(self, name: str) -> str:
        stem = name.replace("-", "_")
        if self.as_json:
            files = [
                {
                    "filename": file,
                    "url": f"/files/{file}",
                    "yanked": self.yanked.get((name, version), False),
                    **({"size": self.sizes[file]} if file in self.sizes else {}),
                }
                for version in self.wheels[name]
                for file in self.files.get((name, version), [f"{stem}-{version}-py3-none-any.whl"])
            ]
            return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": files})
        links = []
        for version, data in self.wheels[name].items():
            yanked = f' data-yanked="{self.yanked[name, version]}"' if (name, version) in self.yanked else ""
            for platform in self.platforms.get((name, version), ("any",)):
                file = f"{stem}-{version}-py3-none-{platform}.whl"
                links.append(f'<a href="/files/{file}#sha256={hashlib.sha256(data).hexdigest()}"{yanked}>{file}</a>')
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"

    def lock(self, pipfile: str, categories: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """The Pipfile, its lock and lists by file name, as pipenv would make them of these versions."""
        whole = SOURCE + pipfile
        source = {"name": "index", "url": "${PIP_INDEX_URL}", "verify_ssl": True}
        data: dict[str, object] = {
            "_meta": {
                "hash": {"sha256": pipfile_digest(whole)},
                "pipfile-spec": 6,
                "requires": {},
                "sources": [source],
            }
        }
        files = {"Pipfile": whole}
        for category, pins in categories.items():
            entries, lines = {}, []
            for name, version in pins.items():
                digest = f"sha256:{hashlib.sha256(wheel(name, version)).hexdigest()}"
                if name in self.wheels and version in self.wheels[name]:
                    digest = f"sha256:{hashlib.sha256(self.wheels[name][version]).hexdigest()}"
                entries[name] = {"hashes": [digest], "index": "index", "version": f"=={version}"}
                lines.append(f"{name}=={version} --hash={digest}\n")
            data["default" if category == "packages" else category] = entries
            files["requirements.txt" if category == "packages" else f"requirements-{category}.txt"] = "".join(lines)
        data["develop"] = {}
        return {**files, "Pipfile.lock": json.dumps(data, indent=4, sort_keys=True) + "\n"}


@contextmanager
def served() -> Iterator[Index]:
    """An index on loopback for the time of a test."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.strip("/").split("/")
            if parts[0] == index.waits_for:
                index.requested.set()
                index.released.wait()
            if parts[0] == "files":
                name, version = unquote(parts[1]).split("-")[:2]
                self._respond("application/octet-stream", index.wheels.get(name.replace("_", "-"), {}).get(version))
            else:
                page = index.page(parts[1]).encode() if len(parts) == 2 and parts[1] in index.wheels else None
                self._respond("application/vnd.pypi.simple.v1+json" if index.as_json else "text/html", page)

        def _respond(self, kind: str, data: bytes | None) -> None:
            self.send_response(404 if data is None else index.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data or b"")))
            # The client may have been killed meanwhile.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data or b"")

        # uv looks at a wheel before it takes it.
        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
    try:
        yield index
    finally:
        index.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
