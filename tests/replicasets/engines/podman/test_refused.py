"""What podman answers with less than the truth: the reason is found, and what is not enforced is an error."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.engine import SHORT
from workbench.replicasets.engines.podman.engine import PodmanEngine
from workbench.replicasets.engines.protocol import ContainerSpec
from workbench.replicasets.errors import EngineError

Responses = dict[tuple[str, str], "tuple[int, object] | list[tuple[int, object]]"]
CREATED = {"State": {"Status": "created", "Pid": 0}}
IGNORED = "Resource limits are not supported and ignored on cgroups V1 rootless systems"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="workbench-refused-", dir=SHORT) as path:
        yield Path(path)


@pytest.fixture
def podman(folder: Path) -> Iterator[Callable[[Responses], tuple[PodmanEngine, list[tuple[str, str]]]]]:
    """Makes a podman whose responses are those given by method and the end of the path; and its log."""
    servers: list[socketserver.BaseServer] = []

    def make(responses: Responses) -> tuple[PodmanEngine, list[tuple[str, str]]]:
        requests: list[tuple[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                path = self.path.partition("?")[0].partition("/libpod")[2]
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                requests.append((self.command, path))
                known: Responses = {("GET", "/secrets/json"): (200, []), **responses}
                found = known[self.command, path]
                status, body = found.pop(0) if isinstance(found, list) else found
                if status >= 500:
                    with (folder / "log").open("a") as log:
                        log.write('time="2026-11-29T20:40:47Z" level=error msg="cannot set memory limit: no cgroup"\n')
                        log.write("crun: plain words\n")
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = respond

            def log_message(self, *_: object) -> None: ...

            def address_string(self) -> str:
                return "unix"

        server = socketserver.ThreadingUnixStreamServer(str(folder / "s"), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return PodmanEngine(f"unix://{folder}/s", log=str(folder / "log")), requests

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_runtime_s_own_reason_is_passed_on(
    podman: Callable[[Responses], tuple[PodmanEngine, list[tuple[str, str]]]], folder: Path
) -> None:
    (folder / "log").write_text("of an earlier request\n")
    failed = {"message": "`/usr/bin/crun update --resources=/x 1234` failed: exit status 1"}
    able = {"host": {"cgroupVersion": "v1", "security": {"rootless": False}}}
    engine, _ = podman({("GET", "/info"): (200, able), ("POST", "/containers/foo-1/update"): (500, failed)})
    with pytest.raises(EngineError) as error:
        engine.set_limits("foo-1", 0, 64 << 20)
    engine.close()
    expected = "failed: exit status 1: cannot set memory limit: no cgroup; crun: plain words"
    assert error.value.message.endswith(expected)


@pytest.mark.parametrize(
    ("host", "enforced"),
    [
        ({"Memory": 0, "CpuQuota": 0, "CpuPeriod": 0}, False),
        ({"Memory": 64 << 20, "CpuQuota": 0, "CpuPeriod": 0}, False),
        ({"Memory": 64 << 20, "CpuQuota": 50_000, "CpuPeriod": 100_000}, True),
    ],
    ids=["neither", "memory alone", "both"],
)
def test_a_limit_that_would_not_be_enforced_is_an_error(
    host: dict[str, int],
    enforced: bool,
    podman: Callable[[Responses], tuple[PodmanEngine, list[tuple[str, str]]]],
) -> None:
    engine, requests = podman(
        {
            ("POST", "/containers/create"): (201, {"Id": "12ab", "Warnings": [] if enforced else [IGNORED]}),
            ("GET", "/containers/12ab/json"): (200, {"Id": "12ab", "Name": "foo-1", **CREATED, "HostConfig": host}),
            ("GET", "/secrets/json"): (200, []),
            ("DELETE", "/containers/12ab"): (200, []),
        }
    )
    spec = ContainerSpec(name="foo-1", image="tiny", memory=64 << 20, cpus=500)
    if enforced:
        assert engine.create(spec) == "12ab"
    else:
        with pytest.raises(EngineError, match=f"the limits of foo-1 would not be enforced: {IGNORED}"):
            engine.create(spec)
    engine.close()
    assert (("DELETE", "/containers/12ab") in requests) is not enforced


REMAINS = "6e810da7863881ff72df3eecea15b8009e1350a593c58daa76d60063f8f4bc33"


@pytest.mark.parametrize(
    ("command", "removed"), [(["storage"], True), (["buildah"], False)], ids=["of a container", "of a build"]
)
def test_what_a_killed_podman_left_of_a_container_gives_name_and_image_back(
    command: list[str], removed: bool, podman: Callable[[Responses], tuple[PodmanEngine, list[tuple[str, str]]]]
) -> None:
    used = {"message": f"image used by {REMAINS}: image is in use by a container: consider listing external containers"}
    named = {"message": f'the container name "foo-2" is already in use by {REMAINS}. You have to remove that container'}
    engine, requests = podman(
        {
            ("DELETE", "/images/localhost%2Fworkbench%2F12%3A1"): [(409, used), (200, [])],
            ("POST", "/containers/create"): [(500, named), (201, {"Id": "12ab"})],
            ("GET", "/containers/json"): (200, [{"Id": REMAINS, "State": "storage", "Command": command}]),
            ("DELETE", f"/containers/{REMAINS}"): (200, []),
        }
    )
    spec = ContainerSpec(name="foo-2", image="tiny")
    if removed:
        engine.remove_image("localhost/workbench/12:1")
        assert engine.create(spec) == "12ab"
    else:
        with pytest.raises(EngineError, match="image is in use"):
            engine.remove_image("localhost/workbench/12:1")
        with pytest.raises(EngineError, match="already in use"):
            engine.create(spec)
    engine.close()
    assert requests.count(("DELETE", f"/containers/{REMAINS}")) == 2 * removed


V1_USER = {"cgroupVersion": "v1", "security": {"rootless": True}, "cgroupControllers": []}
V2 = {"cgroupVersion": "v2", "security": {"rootless": True}}
NONE_AS_USER = "podman sets no limits as a normal user with cgroups v1"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (V1_USER, NONE_AS_USER),
        ({"cgroupVersion": "v1", "security": {"rootless": False}, "cgroupControllers": ["memory"]}, ""),
        ({**V2, "cgroupControllers": ["pids"]}, "podman's cgroup has no controller of memory"),
        ({**V2, "cgroupControllers": []}, "podman's cgroup has no controller of memory"),
        ({**V2, "cgroupControllers": None}, "podman's cgroup has no controller of memory"),
        ({**V2, "cgroupControllers": ["memory", "pids"]}, ""),
        (V2, ""),
    ],
    ids=["v1, a user", "v1, root", "v2, others", "v2, none", "v2, null", "v2, memory", "v2, unknown"],
)
def test_a_limit_that_cannot_be_changed_is_an_error_and_lifting_it_is_none(
    host: dict[str, object],
    reason: str,
    podman: Callable[[Responses], tuple[PodmanEngine, list[tuple[str, str]]]],
) -> None:
    update = ("POST", "/containers/foo-1/update")
    engine, requests = podman({("GET", "/info"): (200, {"host": host}), update: (201, {})})
    if reason:
        with pytest.raises(EngineError, match=f"the limits of foo-1 would not be enforced: {reason}"):
            engine.set_limits("foo-1", 0, 64 << 20)
        # What undoes it: the set is not locked by an undo that fails for ever.
        engine.set_limits("foo-1", 0, 0)
        assert update not in requests
    else:
        engine.set_limits("foo-1", 0, 64 << 20)
        assert update in requests
    engine.close()
