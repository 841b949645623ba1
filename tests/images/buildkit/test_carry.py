from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping

import pytest

from tests.dockerd import Dockerd
from tests.engine import TINY, Engine
from tests.images.buildkit.dockers import Lines, store_of
from workbench.errors import WorkbenchError
from workbench.images.builder import Built, Watcher
from workbench.images.buildkit.carry import CarryingBuilder, PullingBuilder, bring
from workbench.images.buildkit.llb.address import parse
from workbench.images.request import BuildRequest
from workbench.process import stop_all

BASE = "localhost/base-to-carry:1"


OCI = "org.opencontainers.image"


@pytest.fixture
def base(engine: Engine, dockerd: Dockerd) -> Iterator[str]:
    """An image that podman alone has; gone from both afterwards."""
    engine("build", "--tag", BASE, "-", stdin=f"FROM {TINY}\nENV A=1\nLABEL x=y\nUSER 7\n".encode())
    yield BASE
    engine.try_("rmi", "--force", BASE)
    dockerd.request("DELETE", f"/images/{BASE}", force="1")


class Inner:
    """A builder that does nothing but record what it could build on."""

    def __init__(self, dockerd: Dockerd) -> None:
        self.dockerd = dockerd
        self.there: set[str] = set()
        self.labels: Mapping[str, str] = {}

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        self.labels = request.labels
        self.there = self.dockerd.names()
        return Built(request.names[0], "sha256:0")


def request(image: str) -> BuildRequest:
    return BuildRequest(("localhost/made:1",), "folder", f"FROM {image}\n")


def test_a_base_that_only_podman_has_is_brought_once(engine: Engine, dockerd: Dockerd, base: str) -> None:
    watcher, inner = Lines(), Inner(dockerd)
    builder = CarryingBuilder(inner, store_of(dockerd))
    assert builder.build(request(base), watcher).image == "localhost/made:1"
    assert base in inner.there
    (line,) = watcher.lines
    expected = {
        f"{OCI}.base.name": base,
        f"{OCI}.base.digest": engine("image", "inspect", "--format={{.Digest}}", base),
    }
    assert inner.labels == expected
    assert line.startswith(f"{base} is in podman's store only: ") and line.endswith("MB go to the Docker Engine")
    config = dockerd.image(base)["Config"]
    assert (config["User"], config["Labels"]["x"], "A=1" in config["Env"]) == ("7", "y", True)
    # The same once more: it is there, whatever its id is called on the other side.
    again = Lines()
    builder.build(request(base), again)
    assert (again.lines, inner.labels) == ([], expected)


def test_a_younger_one_of_podman_is_brought_and_an_older_one_is_not(
    engine: Engine, dockerd: Dockerd, base: str
) -> None:
    store, watcher = store_of(dockerd), Lines()
    digest = ("image", "inspect", "--format={{.Digest}}", base)
    assert bring(base, store, watcher) == engine(*digest)
    older = engine("image", "inspect", "--format", "{{.Id}}", base)
    engine("build", "--tag", base, "-", stdin=f"FROM {TINY}\nENV A=2\n".encode())
    assert bring(base, store, watcher) == engine(*digest)
    assert "is younger in podman's store" in watcher.lines[-1]
    assert "A=2" in dockerd.image(base)["Config"]["Env"]
    engine("tag", older, base)
    lines = len(watcher.lines)
    # What is built on is an image of the engine's, whose manifest nobody knows.
    assert bring(base, store, watcher) == ""
    assert len(watcher.lines) == lines
    assert "A=2" in dockerd.image(base)["Config"]["Env"]


def test_what_the_engine_has_needs_no_podman(engine: Engine, dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    watcher = Lines()
    CarryingBuilder(Inner(dockerd), store_of(dockerd)).build(request(TINY), watcher)
    assert watcher.lines == []


def test_a_local_name_that_nobody_has_is_refused(engine: Engine, dockerd: Dockerd) -> None:
    with pytest.raises(WorkbenchError) as caught:
        CarryingBuilder(Inner(dockerd), store_of(dockerd)).build(request("localhost/none:1"), Lines())
    assert caught.value.message == (
        "the base image localhost/none:1 is not on this machine, neither in podman's store nor in the Docker Engine's"
    )
    assert caught.value.where == "folder"


def test_a_base_of_a_registry_is_left_to_buildkit(engine: Engine, dockerd: Dockerd) -> None:
    watcher, inner = Lines(), Inner(dockerd)
    CarryingBuilder(inner, store_of(dockerd)).build(request("quay.io/team/none:1"), watcher)
    assert inner.labels == {f"{OCI}.base.name": "quay.io/team/none:1", f"{OCI}.base.digest": ""}
    assert watcher.lines == ["quay.io/team/none:1 is not on this machine: BuildKit pulls it"]


def test_a_base_without_a_registry_is_refused(engine: Engine, dockerd: Dockerd) -> None:
    with pytest.raises(WorkbenchError, match="FROM debian does not name its registry"):
        CarryingBuilder(Inner(dockerd), store_of(dockerd)).build(request("debian"), Lines())


def test_a_buildkit_without_images_names_the_cure(dockerd: Dockerd) -> None:
    builder = PullingBuilder(Inner(dockerd), parse("tcp://127.0.0.1:1234"))
    with pytest.raises(WorkbenchError) as caught:
        builder.build(request(TINY), Lines())
    assert caught.value.message == (
        f"the BuildKit at tcp://127.0.0.1:1234 keeps no images, and {TINY} is on this machine only"
    )
    assert "push it to a registry" in caught.value.hint
    assert builder.build(request("quay.io/team/none:1"), Lines()).image == "localhost/made:1"


@pytest.mark.thorough
def test_an_interrupt_leaves_no_image_and_no_process(engine: Engine, dockerd: Dockerd, base: str) -> None:
    # The layer is larger than any buffer between podman and the engine, and the watcher holds the pieces up.
    text = f"FROM {base}\nRUN dd if=/dev/zero of=/tmp/large bs=1M count=300\n".encode()
    engine("build", "--tag", base, "--network=none", "-", stdin=text)
    reported, end = threading.Event(), threading.Event()

    class Holding(Lines):
        def line(self, text: str) -> None:
            super().line(text)
            if " of about " in text:
                reported.set()
                assert end.wait(60)

    failed: list[BaseException] = []

    def work() -> None:
        try:
            bring(base, store_of(dockerd), Holding())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert reported.wait(120), failed
    stop_all()
    end.set()
    thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in failed] == [KeyboardInterrupt]
    assert base not in dockerd.names()


def test_what_podman_cannot_save_is_reported(
    engine: Engine, dockerd: Dockerd, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # podman without a place for its copy: what it says is what the user reads, and no half of the image arrives.
    class Misplaced(Lines):
        def line(self, text: str) -> None:
            monkeypatch.setenv("TMPDIR", "/nowhere")

    with pytest.raises(WorkbenchError, match=f"podman cannot save {base}: .*no such file or directory"):
        bring(base, store_of(dockerd), Misplaced())
    monkeypatch.delenv("TMPDIR")
    assert base not in dockerd.names()
    assert json.loads(dockerd("GET", "/containers/json", all="1")) == []
