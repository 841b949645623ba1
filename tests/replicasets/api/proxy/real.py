"""The service and the address of its sets as a laptop has them: real podman, a browser in a network of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.browser import need_chromium, page_in
from tests.engine import need_root, search_path
from tests.networks import session_number
from workbench.replicasets.api.app import make_app
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.proxy.places import Site
from workbench.replicasets.api.proxy.serving import Workbenches, serving
from workbench.replicasets.api.serving import listen, make_server
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Role

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass
class Reached:
    """Where a laptop finds the service and the sets, and the tokens of its owners."""

    address: str
    sets: str
    tokens: dict[str, str]
    known: Tokens

    def link(self, name: str, who: str) -> str:
        """Return what `rs open` prints."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        data = httpx.post(f"{self.address}/api/v1/replicaSet/{name}/session", headers=headers, timeout=60).json()[
            "data"
        ]
        return f"{data['url'] or self.sets}{data['path']}#ticket={data['ticket']}"


@contextmanager
def laptop() -> Iterator[tuple[str, str]]:
    """Yield this machine's address as another machine has it, and the name of that one's network namespace."""
    need_root("another network namespace, and this machine's end of the line to it")
    number = session_number()
    name, ours, theirs = f"wbr{os.getpid()}", f"10.{number}.255.1", f"10.{number}.255.2"
    try:
        _ip("netns", "add", name)
        _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("address", "add", f"{ours}/30", "dev", name)
        _ip("link", "set", name, "up")
        for words in (("address", "add", f"{theirs}/30", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", name, *words)
        _ip("-n", name, "link", "set", "lo", "up")
        yield ours, name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


@contextmanager
def browser_of(namespace: str, folder: Path, *options: str) -> Iterator[Page]:
    """Yield a page of a browser in a network namespace."""
    program = folder / "chromium"
    ip = shutil.which("ip", path=search_path())
    program.write_text(f'#!/bin/sh\nexec {ip} netns exec {namespace} {need_chromium()} "$@"\n')
    program.chmod(0o755)
    with page_in(str(program), folder / "page.png", seconds=60, options=options) as page:
        yield page


@contextmanager
def reached(room: ReplicaSets, folder: Path, host: str, url: str = "") -> Iterator[Reached]:
    """Serve a room and its sets at an address; PORT in `url` is that of the sets."""
    tokens = Tokens(str(folder / "state"))
    tokens.begin()
    plain = {name: tokens.add(name, Role.OPERATE) for name in ("anna", "bob")}
    listening, door = listen(host, 0), listen(host, 0)
    port, number = listening.getsockname()[1], door.getsockname()[1]
    site = Site(number, url.replace("PORT", str(number)))
    workbenches = Workbenches(room, tokens, site, "" if url else str(port))
    server = make_server(make_app(room, tokens, Audit(str(folder / "audit.log")), workbenches=workbenches))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        with serving(workbenches, door):
            while not server.started:
                time.sleep(0.01)
            yield Reached(f"http://{host}:{port}", f"http://{host}:{number}", plain, tokens)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, env={**os.environ, "PATH": search_path()})
