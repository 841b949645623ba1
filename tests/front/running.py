"""Run the front before the small server, as a container does, and send it requests."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.catalogues import REPOSITORY
from tests.engine import free_port, search_path

PACKAGE = REPOSITORY / "snippets/nginx/files"
SERVER = Path(__file__).with_name("server.py")
# So short that a test can wait for its end. A busy machine may let it pass between two lines of a test: wait for a
# state with `becomes` and use the IDE again there, rather than expect one at once.
IDLE_SECONDS = 1


@dataclass(frozen=True)
class Front:
    process: subprocess.Popen[bytes]
    port: int
    server_port: int
    prefix: str

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """The status, Location and body of the response to GET `path`, as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.getheader("Location", ""), response.read().decode()
        finally:
            connection.close()

    def kernel(self) -> dict[str, Any]:
        status, _, body = self.get(f"{self.prefix}/api/kernels")
        assert status == 200
        (kernel,) = json.loads(body)
        assert isinstance(kernel, dict)
        return kernel

    def becomes(self, state: str, *, using: str = "") -> dict[str, Any]:
        """The kernel once it is in `state`, while the IDE is used by GET `using` where one is given."""
        deadline = time.monotonic() + 60
        while True:
            if using:
                assert self.get(using)[0] == 200
            if (kernel := self.kernel())["execution_state"] == state:
                return kernel
            assert time.monotonic() < deadline, f"it never became {state}"
            time.sleep(0.1)

    def ready(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, "the front ended"
            try:
                if self.get(f"{self.prefix}/api")[0] == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, "the front did not respond"
            time.sleep(0.05)


@contextmanager
def front(
    folder: Path,
    *flags: str,
    prefix: str = "",
    server: tuple[str, ...] = (),
    script: Path | None = None,
    environ: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[Front]:
    """Run the front with `flags` before `server`, or an IDE's start script, which knows its own, with `environ`."""
    port, server_port = port or free_port(), free_port()
    command = [sys.executable, "-m", "workbench_front", "--name", "small", *flags, "--"]
    command += server or (sys.executable, str(SERVER), "{port}")
    environment = {
        "PATH": search_path(),
        "PYTHONPATH": str(PACKAGE),
        "TMPDIR": str(folder / "tmp"),
        "NB_PREFIX": prefix,
        "WORKBENCH_PORT": str(port),
        "WORKBENCH_SERVER_PORT": str(server_port),
        # As behind a platform; test_access.py tests the rest.
        "WORKBENCH_AUTH": "platform",
        "WORKBENCH_IDLE_SECONDS": str(IDLE_SECONDS),
        **(environ or {}),
    }
    (folder / "tmp").mkdir()
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen([str(script)] if script else command, env=environment, cwd=folder, stderr=stderr)
    try:
        yield Front(process, port, server_port, prefix.rstrip("/"))
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()
            sys.stderr.write((folder / "stderr").read_text()[-4000:])
