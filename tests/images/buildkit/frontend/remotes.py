"""An http server and a git daemon on this machine, for ADD of what is elsewhere."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.engine import free_port

# A date for commits and files: the same tree each time.
_DATE = "2026-11-01T00:00:00Z"


@dataclass(frozen=True)
class Remotes:
    """Where `a.txt` and `b.tar` are to be had over http, with their sha256, and a repository with two commits."""

    http: str
    git: str
    text_digest: str
    commits: tuple[str, str]


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@contextmanager
def served(folder: Path) -> Iterator[Remotes]:
    """Yield both, with what they serve in `folder`."""
    files = folder / "files"
    files.mkdir()
    (files / "a.txt").write_text("over http\n")
    with tarfile.open(files / "b.tar", "w") as archive:
        entry = tarfile.TarInfo("in/archive.txt")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    commits = _repository(folder / "git" / "a.git")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(files)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    daemon = subprocess.Popen(
        ["git", "daemon", "--export-all", f"--base-path={folder}/git", "--listen=127.0.0.1", f"--port={port}"],
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield Remotes(
            f"http://127.0.0.1:{server.server_port}",
            f"git://127.0.0.1:{port}/a.git",
            hashlib.sha256(b"over http\n").hexdigest(),
            commits,
        )
    finally:
        daemon.terminate()
        daemon.wait()
        server.shutdown()
        server.server_close()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "git daemon does not listen"
            time.sleep(0.05)


def _repository(path: Path) -> tuple[str, str]:
    path.mkdir(parents=True)
    dated = {**os.environ, "GIT_AUTHOR_DATE": _DATE, "GIT_COMMITTER_DATE": _DATE, "GIT_CONFIG_GLOBAL": "/dev/null"}

    def git(*words: str) -> str:
        command = ["git", "-C", str(path), "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
        return subprocess.run(command, env=dated, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    found = []
    for number in (1, 2):
        (path / "docs" / "deep").mkdir(parents=True, exist_ok=True)
        (path / "readme").write_text(f"{number}\n")
        (path / "docs" / "deep" / "page").write_text(f"page {number}\n")
        (path / "run.sh").write_text("#!/bin/sh\n")
        (path / "run.sh").chmod(0o755)
        git("add", ".")
        git("commit", "--quiet", "--message", f"{number}")
        found.append(git("rev-parse", "HEAD"))
        git("tag", f"v{number}")
    return found[0], found[1]
