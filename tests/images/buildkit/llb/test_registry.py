"""A registry between: logins for what only some may pull, and a cache that another daemon takes."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.dockerd import Dockerd
from tests.engine import TINY, free_port, search_path, wait_for
from tests.images.buildkit.dockers import store_of
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import BuildKitError
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.llb.solving import Cache
from workbench.images.buildkit.llb.state import image
from workbench.images.buildkit.llb.status import Event

USER, PASSWORD = "me", "a password"
# bcrypt of it, which Python has no more: as `htpasswd -B` makes it.
HASH = "$2b$04$S98sACjT68vr.nXDfCl/Be5lPZrZvCXOoxipedfiC5erIvdIo8qJm"

pytestmark = pytest.mark.usefixtures("no_threads")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The `host:port` of a registry that knows one user; dockerd trusts it because it is on loopback."""
    users, port = tmp_path / "users", free_port()
    users.write_text(f"{USER}:{HASH}\n")
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/blobs}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\nauth: {{htpasswd: {{realm: test, path: {users}}}}}\n"
    )
    server = subprocess.Popen(
        ["docker-registry", "serve", str(tmp_path / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PATH": search_path()},
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/v2/", 20, okay=(401,))
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def push(dockerd: Dockerd, name: str) -> None:
    login = base64.b64encode(f'{{"username": "{USER}", "password": "{PASSWORD}"}}'.encode()).decode()
    repository, _, tag = name.rpartition(":")
    transport = httpx.HTTPTransport(uds=str(dockerd.socket))
    with httpx.Client(transport=transport, base_url="http://docker", timeout=60) as client:
        output = client.post(f"/images/{repository}/push", params={"tag": tag}, headers={"X-Registry-Auth": login}).text
    assert "digest: sha256" in output, output


def test_an_image_that_only_some_may_pull(
    dockerd_online: Dockerd, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{registry}/team/tiny:1"
    dockerd_online("POST", f"/images/{TINY}/tag", repo=f"{registry}/team/tiny", tag="1")
    push(dockerd_online, name)
    dockerd_online("DELETE", f"/images/{name}")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    paths: list[str] = []

    def build(session: Session) -> None:
        def function(gateway: Gateway) -> BuildResult:
            ref = gateway.solve(marshal(image(name, resolve_mode="pull")))
            paths.append(ref.stat("/bin/busybox").path)
            return BuildResult()

        with connect(dockerd_online.address) as client:
            client.build(function, session=session)

    with pytest.raises(BuildKitError) as nobody:
        build(Session())
    assert "401 Unauthorized" in nobody.value.detail or "authorization failed" in nobody.value.detail
    with pytest.raises(BuildKitError) as wrong:
        build(Session(auth={registry: (USER, "wrong")}))
    assert "wrong" not in wrong.value.detail
    build(Session(auth={registry: (USER, PASSWORD)}))
    (tmp_path / "none.json").write_text(
        f'{{"auths": {{"{registry}": {{"auth": "{base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}"}}}}}}'
    )
    build(Session())
    assert paths == ["busybox", "busybox"]


def build(dockerd: Dockerd, name: str, *cache_from: Cache, cache_to: Sequence[Cache] = ()) -> list[str]:
    """Build an image of one step, and return what became of that."""
    state = image(TINY).env("PATH", "/bin").run("echo cached > /file", network="none", name="step")
    events: list[Event] = []

    def function(gateway: Gateway) -> BuildResult:
        config = gateway.image_config(TINY)[1]
        return BuildResult(gateway.solve(marshal(state)), config)

    with connect(dockerd.address) as client:
        client.build(
            function,
            exporter="moby",
            exporter_attributes={"name": name},
            session=Session(auth={name.partition("/")[0]: (USER, PASSWORD)}),
            watch=events.append,
            cache_from=cache_from,
            cache_to=cache_to,
        )
    return [event.kind for event in events if event.name == "step" and event.kind != "progress"]


def test_a_cache_goes_to_a_registry_and_comes_back(dockerd_online: Dockerd, registry: str) -> None:
    name = f"{registry}/team/made:1"
    # A Docker Engine exports its cache within the image; the rest is pushing that.
    assert build(dockerd_online, name, cache_to=[Cache("inline")]) == ["began", "ended"]
    push(dockerd_online, name)
    forget(dockerd_online, name)
    assert build(dockerd_online, name, Cache("registry", {"ref": name})) == ["began", "cached"]
    forget(dockerd_online, name)
    assert build(dockerd_online, name) == ["began", "ended"]
    forget(dockerd_online, name)


@pytest.mark.slow
def test_a_cache_goes_to_a_registry_without_its_image(merging_dockerd_online: Dockerd, registry: str) -> None:
    """As a daemon can that keeps its images with containerd, or is a buildkitd."""
    daemon, name = merging_dockerd_online, f"{registry}/team/made:1"
    cache = Cache("registry", {"ref": f"{registry}/team/cache:1"})
    kept = Cache("registry", {**cache.attributes, "mode": "max"})
    assert build(daemon, name, cache, cache_to=[kept]) == ["began", "ended"]
    forget(daemon, name)
    assert build(daemon, name, cache) == ["began", "cached"]
    forget(daemon, name)
    assert build(daemon, name) == ["began", "ended"]


@pytest.mark.slow
def test_a_daemon_that_keeps_its_images_with_containerd_has_no_layers_itself(merging_dockerd: Dockerd) -> None:
    """It would query a registry for the cache of an image that it has, and be it one of this machine."""
    assert not store_of(merging_dockerd).keeps_layers(TINY)


def forget(dockerd: Dockerd, name: str) -> None:
    """Have the daemon forget the image and all of its own cache."""
    dockerd("DELETE", f"/images/{name}", force="1")
    dockerd("POST", "/build/prune", all="1")
