"""The client against the BuildKit of a real dockerd."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tarfile
import threading
import time
from pathlib import Path

import pytest

from tests.dockerd import Dockerd
from tests.dockerd import started as started_dockerd
from tests.engine import TINY
from tests.images.buildkit.llb.fake import OLD
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import (
    BuildKitError,
    DaemonGoneError,
    EntitlementError,
    MessageTooLargeError,
    MissingCapabilityError,
    NoCacheError,
    StepFailedError,
)
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.mounts import secret
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.llb.solving import Cache
from workbench.images.buildkit.llb.state import GraphState, diff, image, local, merge
from workbench.images.buildkit.llb.status import Event

MADE = "localhost/made:1"
ROOT = image(TINY).env("PATH", "/bin")

pytestmark = pytest.mark.usefixtures("no_threads")


class Built:
    """Builds states and keeps what happened."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.events: list[Event] = []

    def __call__(self, state: GraphState, session: Session | None = None, **more: object) -> dict[str, str]:
        def function(build: Gateway) -> BuildResult:
            config = build.image_config(TINY)[1]
            return BuildResult(build.solve(marshal(state)), {**config, "config": {**config["config"], "User": "1001"}})

        self.events = []
        with connect(self.address) as client:
            return client.build(
                function,
                exporter="moby",
                exporter_attributes={"name": MADE},
                session=session,
                watch=self.events.append,
                **more,  # type: ignore[arg-type]
            )

    @property
    def lines(self) -> list[str]:
        return [event.text for event in self.events if event.kind == "line"]

    def kinds(self, name: str) -> list[str]:
        return [event.kind for event in self.events if event.name == name and event.kind != "line"]


@pytest.fixture
def build(dockerd: Dockerd) -> Built:
    dockerd.request("DELETE", f"/images/{MADE}", force="1")
    return Built(dockerd.address)


def run(state: GraphState, command: str, name: str = "") -> GraphState:
    return state.run(command, network="none", name=name)


def test_an_image_is_built_looked_into_and_named(dockerd: Dockerd, build: Built) -> None:
    state = run(ROOT, "echo said; echo erred >&2; echo data > /file; ln -s file /link; printf tail", "a step")
    exported = build(state)
    assert dockerd.image(MADE)["Id"] == exported["containerimage.digest"]
    assert dockerd.image(MADE)["Config"]["User"] == "1001"
    lines = [(event.stream, event.text) for event in build.events if event.kind == "line"]
    assert sorted(lines) == [(1, "said"), (1, "tail"), (2, "erred")]
    assert build.kinds("a step") == ["began", "ended"]
    again = build(state)
    assert again == exported
    assert build.kinds("a step") == ["began", "cached"]

    def look(gateway: Gateway) -> BuildResult:
        ref = gateway.solve(marshal(state))
        assert ref.read_file("/file") == b"data\n"
        assert ref.read_file("/file", 1, 2) == b"at"
        assert {"bin", "file", "link", "tmp"} <= {entry.path for entry in ref.read_dir("/")}
        assert [(entry.path, entry.link) for entry in ref.read_dir("/", "li*")] == [("link", "file")]
        assert (ref.stat("/file").size, ref.stat("/link").size, ref.stat("/bin").is_folder) == (5, 5, True)
        with pytest.raises(BuildKitError, match="no such file or directory"):
            ref.read_file("/none")
        return BuildResult()

    with connect(dockerd.address) as client:
        assert client.build(look) == {}


def test_what_this_daemon_is(dockerd: Dockerd) -> None:
    version = json.loads(dockerd("GET", "/version"))["Version"]
    with connect(dockerd.address) as client:
        assert client.is_engine
        description = client.describe()
        capabilities = client.capabilities()
    assert description.startswith(f"{dockerd.address}: the BuildKit of a Docker Engine, ")
    # The fake has the capabilities of the oldest.
    if version.startswith("20.10."):
        assert capabilities == OLD
    else:
        assert {"mergeop", "diffop", "exec.secretenv"} <= capabilities and " with merge and diff" in description


def test_a_failing_step(dockerd: Dockerd, build: Built) -> None:
    with pytest.raises(StepFailedError) as caught:
        build(run(ROOT, "for i in $(seq 50); do echo line $i; done; exit 7", "[2/3] RUN fail"))
    assert (caught.value.message, caught.value.code) == ("[2/3] RUN fail failed with exit code 7", 7)
    assert caught.value.lines == tuple(f"line {number}" for number in range(11, 51))
    assert build.kinds("[2/3] RUN fail") == ["began", "failed"]
    assert MADE not in dockerd.names()


def test_a_base_that_is_not_there(build: Built) -> None:
    def function(gateway: Gateway) -> BuildResult:
        return BuildResult(gateway.solve(marshal(image("localhost/none:1").run("true"))))

    with connect(build.address) as client, pytest.raises(BuildKitError) as caught:
        client.build(function)
    assert "localhost/none:1" in caught.value.message


def test_local_files_are_sent_again_only_where_they_changed(build: Built, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "large").write_bytes(os.urandom(3_000_000))
    (tmp_path / "small").write_text("one")
    (tmp_path / "small").chmod(0o4711)
    (tmp_path / "link").symlink_to("deep/large")
    (tmp_path / "left-out").write_text("x")
    context = local("context", exclude=["left-out"], shared_key=str(tmp_path))
    state = run(ROOT.copy(context, "/", "/to", contents_only=True), "ls -lnR /to; md5sum /to/small /to/link", "list")
    session = Session(files={"context": str(tmp_path)})

    def sent() -> int:
        return max((event.current for event in build.events if "transferring" in event.text), default=0)

    build(state, session)
    assert sent() > 3_000_000
    listed = [" ".join(line.split()[i] for i in (0, 2, 3, -1)) for line in build.lines if line.count(" ") > 6]
    assert "-rws--x--x 0 0 small" in listed and "-rw-r--r-- 0 0 large" in listed
    assert not [line for line in build.lines if "left-out" in line]
    build(state, session)
    assert sent() < 1_000
    assert build.kinds("list") == ["began", "cached"]
    (tmp_path / "small").write_text("two!")
    build(state, session)
    assert sent() < 1_000
    assert build.kinds("list") == ["began", "ended"]


def test_a_secret_reaches_its_step_and_nothing_else(dockerd: Dockerd, build: Built) -> None:
    state = ROOT.run(
        "md5sum /run/token; ls /run | wc -l", network="none", mounts=[secret("/run/token", "token")], name="use"
    )
    build(state, Session(secrets={"token": b"a secret"}))
    assert build.lines[0] == f"{hashlib.md5(b'a secret').hexdigest()}  /run/token"
    assert "a secret" not in repr(build.events)
    assert "a secret" not in (dockerd.folder / "log").read_text(errors="replace")
    with pytest.raises(BuildKitError) as caught:
        build(run(state, "true").run("cat /run/x", network="none", mounts=[secret("/run/x", "other")]), Session())
    assert "other" in caught.value.message


def test_ctrl_c_ends_the_step_and_leaves_no_name(dockerd: Dockerd, build: Built) -> None:
    state = run(ROOT, "echo begun; sleep 987")

    def interrupt() -> None:
        while "begun" not in build.lines or not [step for step in dockerd.steps() if "987" in step]:
            if ended.wait(0.02):
                return
        os.kill(os.getpid(), signal.SIGINT)

    ended = threading.Event()
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            build(state)
    finally:
        ended.set()
        thread.join()
    # The daemon has reported the end of the build; the kernel may be a moment behind it.
    deadline = time.monotonic() + 30
    while [step for step in dockerd.steps() if "987" in step]:
        assert time.monotonic() < deadline, "the step goes on"
        time.sleep(0.02)
    assert MADE not in dockerd.names()


def test_a_daemon_that_is_killed() -> None:
    from tests import dockerd as daemons

    if reason := daemons.missing():
        pytest.skip(reason)
    with started_dockerd() as own:
        build = Built(own.address)
        ended = threading.Event()

        def kill() -> None:
            while "begun" not in build.lines:
                if ended.wait(0.02):
                    return
            own.kill()

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            with pytest.raises(DaemonGoneError) as caught:
                build(run(ROOT, "echo begun; sleep 987"))
        finally:
            ended.set()
            thread.join()
    assert caught.value.message == f"the BuildKit at {own.address} went away"


def test_a_message_over_the_limit(build: Built) -> None:
    # 4 MiB here, 16 MiB since 0.13.
    state = ROOT
    for number in range(7):
        state = state.mkfile(f"/{number}", bytes(2_500_000))
    with pytest.raises(MessageTooLargeError, match=r"a message of 16\.\d MiB is over the \d+\.0 MiB that is the limit"):
        build(state)


def test_merge_and_diff_where_it_has_them_and_a_word_where_not(build: Built) -> None:
    one, other = run(ROOT, "echo 1 > /one; rm /bin/awk"), run(ROOT, "echo 2 > /two; chmod 700 /etc")
    state = merge([ROOT, diff(ROOT, one), diff(ROOT, other)])
    with connect(build.address) as client:
        if {"mergeop", "diffop"} <= client.capabilities():
            build(run(state, "cat /one /two; ls -ld /etc | cut -c1-10; ls /bin/awk || echo gone", "look"))
            assert [line for line in build.lines if "No such file" not in line] == ["1", "2", "drwx------", "gone"]
            return
    with pytest.raises(MissingCapabilityError) as caught:
        build(state)
    assert caught.value.capability in ("mergeop", "diffop")


def test_an_entitlement_that_it_does_not_give(build: Built) -> None:
    with pytest.raises(EntitlementError) as caught:
        build(ROOT, entitlements=["security.insecure"])
    assert caught.value.message == f"the BuildKit at {build.address} does not allow security.insecure"
    assert caught.value.hint.startswith("start it with --allow-insecure-entitlement security.insecure")
    with pytest.raises(EntitlementError) as unrequested:
        build(ROOT.run("true", network="host"))
    assert unrequested.value.hint == "the build has to request the entitlement network.host"


def test_a_cache_that_it_cannot_export(build: Built) -> None:
    with pytest.raises(NoCacheError) as caught:
        build(ROOT, cache_to=[Cache("floppy", {"ref": "127.0.0.1:1/cache:1"})])
    assert caught.value.message == f"the BuildKit at {build.address} has no cache exporter 'floppy'"
    with pytest.raises(BuildKitError) as nowhere:
        build(ROOT.mkfile("/kept", b"in a cache"), cache_to=[Cache("registry", {"ref": "127.0.0.1:1/cache:1"})])
    if not isinstance(nowhere.value, NoCacheError):
        # It has that one, and nobody is client.
        assert "connection refused" in nowhere.value.detail


def test_its_own_frontend_through_the_same_channel(dockerd: Dockerd, build: Built, tmp_path: Path) -> None:
    (tmp_path / "Containerfile").write_text(f"FROM {TINY}\nCOPY data link /to/\nRUN cat /to/data\n")
    (tmp_path / "data").write_text("sent\n")
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "other").write_text("not requested")
    folders = {"context": str(tmp_path), "dockerfile": str(tmp_path)}
    with connect(dockerd.address) as client:
        client.solve_frontend(
            "dockerfile.v0",
            {"filename": "Containerfile", "force-network-mode": "none"},
            exporter="moby",
            exporter_attributes={"name": MADE},
            session=Session(files=folders),
            watch=build.events.append,
        )
    assert build.lines == ["sent"]
    assert MADE in dockerd.names()


@pytest.mark.parametrize("kind", ["tar", "oci", "docker"])
def test_an_export_to_a_file_here(build: Built, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "made.tar"
    state = run(ROOT, "echo data > /file")
    events: list[Event] = []

    def function(gateway: Gateway) -> BuildResult:
        return BuildResult(gateway.solve(marshal(state)), gateway.image_config(TINY)[1])

    with connect(build.address) as client:
        try:
            client.build(function, exporter=kind, session=Session(output=str(target)), watch=events.append)
        except BuildKitError as error:
            # The oldest keeps images itself, or writes the tree.
            assert kind != "tar" and "exporter" in error.detail, error.detail
            assert "mergeop" not in client.capabilities() and not target.exists()
            return
    with tarfile.open(target) as packed:
        names = set(packed.getnames())
    wanted = {"tar": "file", "oci": "index.json", "docker": "manifest.json"}[kind]
    assert wanted in {name.removeprefix("./") for name in names}
    assert list(tmp_path.iterdir()) == [target]
