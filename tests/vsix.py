"""Stand-ins for extensions of VS Code, and an Open VSX on loopback that has them: the real one is not reached here."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.catalogues import REPOSITORY
from workbench.catalog.reader import read_catalogue
from workbench.extensions import archives


def vsix(
    name: str,
    version: str,
    manifest: Mapping[str, Any] | None = None,
    files: Mapping[str, tuple[bytes, int]] | None = None,
) -> bytes:
    """The bytes of an archive of an extension: its package.json, and `files` with their modes by path in it."""
    publisher, _, short = name.partition(".")
    own = {"name": short, "publisher": publisher, "version": version, "engines": {"vscode": "^1.95.0"}}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("extension.vsixmanifest"), "<PackageManifest/>")
        package = json.dumps({**own, **(manifest or {})}).encode()
        for path, (content, mode) in {"extension/package.json": (package, 0o100644), **(files or {})}.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return data.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class OpenVsx:
    """An Open VSX: `archives` by the path of their download, each sent once more than `fails` requests for it."""

    url: str = ""
    archives: dict[str, bytes] = field(default_factory=dict)
    # What was requested, with what it was authorised by.
    requests: list[tuple[str, str]] = field(default_factory=list)
    fails: int = 0

    def add(self, name: str, version: str, data: bytes, platform: str = "") -> str:
        """Serve an archive, and return its digest. Its path is written out here as Open VSX's pages show it."""
        publisher, _, short = name.partition(".")
        folder = f"/api/{publisher}/{short}/{platform}/{version}" if platform else f"/api/{publisher}/{short}/{version}"
        self.archives[f"{folder}/file/{name}-{version}{f'@{platform}' if platform else ''}.vsix"] = data
        return sha256(data)


@contextmanager
def open_vsx() -> Iterator[OpenVsx]:
    """Yield an Open VSX without archives."""
    found = OpenVsx()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path)
            found.requests.append((path, self.headers.get("Authorization", "")))
            data = found.archives.get(path)
            if found.fails:
                found.fails -= 1
                self.send_error(503)
            elif data is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# A stand-in that VS Code runs: it writes down what it finds, again whenever a setting changes.
WITNESS = "extensions-seen.json"
_MAIN = f"""
const vscode = require("vscode"), fs = require("fs"), os = require("os"), path = require("path");
const write = () => fs.writeFileSync(path.join(os.homedir(), "{WITNESS}"), JSON.stringify({{
    extensions: vscode.extensions.all.map((each) => `${{each.id}}@${{each.packageJSON.version}}`),
    builtIn: vscode.extensions.getExtension("ms-python.python").packageJSON.isBuiltin,
    python: vscode.workspace.getConfiguration("python").get("defaultInterpreterPath"),
}}));
exports.activate = (context) => {{
    write();
    context.subscriptions.push(vscode.workspace.onDidChangeConfiguration(write));
}};
""".encode()
# As the extension ms-python.python has it, 2026.4.0; that one does nothing in a folder that nobody trusts yet.
_INTERPRETER = {"default": "python", "scope": "machine-overridable", "type": "string"}
_WITNESS: Mapping[str, Any] = {
    "main": "./main.js",
    "activationEvents": ["onStartupFinished"],
    "capabilities": {"untrustedWorkspaces": {"supported": True}},
    "contributes": {"configuration": {"properties": {"python.defaultInterpreterPath": _INTERPRETER}}},
}


def stand_in(name: str, version: str) -> bytes:
    """The stand-in for an extension of our release; that for ms-python.python is one that VS Code runs."""
    if name == "ms-python.python":
        return vsix(name, version, _WITNESS, {"extension/main.js": (_MAIN, 0o100644)})
    return vsix(name, version)


def with_stand_ins(folder: Path, served: OpenVsx) -> Path:
    """Copy our catalogue, whose newest release then pins the stand-ins that `served` gets; return it."""
    own = _copy(folder)
    file = own / "releases/2026a.toml"
    text = file.read_text()
    for name, pins in read_catalogue(str(own)).releases["2026a"].extensions.items():
        for each in archives(name, pins):
            digest = served.add(name, each.version, stand_in(name, each.version), each.platform)
            text = text.replace(each.sha256, digest)
    file.write_text(text)
    return own


def without_extensions(folder: Path) -> Path:
    """Copy our catalogue, with an editor that has no extensions, as whoever reaches no Open VSX does; return it."""
    own = _copy(folder)
    file = own / "ides/2-vscode/ide.toml"
    file.write_text(re.sub(r"^extensions = .*", "extensions = []", file.read_text(), flags=re.MULTILINE))
    return own


def _copy(folder: Path) -> Path:
    """Copy our catalogue without the release that is frozen."""
    for name in ("base", "bundles", "cuda-layer", "ides", "releases", "snippets"):
        left_out = shutil.ignore_patterns("2025b", "2025b.toml", "__pycache__")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=left_out, symlinks=True)
    return folder
