from __future__ import annotations

import json
import threading

import grpc
import pytest

from tests.images.buildkit.llb.fake import MERGING, OLD, Running
from workbench.images.buildkit.llb import solving
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import (
    BuildKitError,
    DaemonGoneError,
    MessageTooLargeError,
    MissingCapabilityError,
    NoSuchJobError,
    StepFailedError,
    TooOldError,
)
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway, Stat
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.llb.solving import Cache
from workbench.images.buildkit.llb.state import image, merge
from workbench.images.buildkit.llb.status import Event

BASE = "localhost/base:1"
CONFIG = {"config": {"Env": ["A=b"]}, "os": "linux"}
RUN = image(BASE).run("true", name="step 1 of 1")

pytestmark = pytest.mark.usefixtures("no_threads")


def whole(build: Gateway) -> BuildResult:
    """Look at everything, and build RUN."""
    build.image_config(BASE)
    ref = build.solve(marshal(RUN))
    ref.read_file("/etc/os-release")
    ref.read_dir("/etc")
    ref.stat("/etc/os-release")
    return BuildResult(ref, {"os": "linux"})


@pytest.fixture
def furnished(daemon: Running) -> Running:
    daemon.images[BASE] = CONFIG
    daemon.files = {"/etc/os-release": b"ID=debian\n", "/etc/apt/sources.list": b""}
    return daemon


def test_a_gateway_build(furnished: Running) -> None:
    observed: dict[str, object] = {}

    def function(build: Gateway) -> BuildResult:
        observed["config"] = build.image_config(BASE)[1]
        ref = build.solve(marshal(RUN))
        observed["file"] = ref.read_file("/etc/os-release"), ref.read_file("/etc/os-release", 3, 3)
        observed["folder"] = [(entry.path, entry.is_folder) for entry in ref.read_dir("/etc")]
        observed["stat"] = ref.stat("/etc/os-release")
        return BuildResult(ref, {"os": "linux"}, {"other": b"\0"})

    with connect(furnished.address) as client:
        text = client.build(
            function,
            exporter="moby",
            exporter_attributes={"name": "localhost/made:1"},
            cache_from=[Cache("registry", {"ref": "r/cache:1"})],
            cache_to=[Cache("inline")],
            entitlements=["network.host"],
        )
    assert observed == {
        "config": CONFIG,
        "file": (b"ID=debian\n", b"deb"),
        "folder": [("apt", True), ("os-release", False)],
        "stat": Stat("os-release", 0o644, 10, 0, 0, ""),
    }
    assert list(text) == ["containerimage.digest"]
    build = furnished.build
    request = build.request
    assert request == control.SolveRequest(
        Ref=request.Ref,
        Exporter="moby",
        ExporterAttrs={"name": "localhost/made:1"},
        Cache=control.CacheOptions(
            Exports=[control.CacheOptionsEntry(Type="inline")],
            Imports=[control.CacheOptionsEntry(Type="registry", Attrs={"ref": "r/cache:1"})],
        ),
        Entitlements=["network.host"],
    )
    assert build.definitions == [marshal(RUN)]
    assert [[(cache.Type, dict(cache.Attrs)) for cache in solve.CacheImports] for solve in build.solves] == [
        [("registry", {"ref": "r/cache:1"})]
    ]
    assert build.returned is not None
    metadata = dict(build.returned.result.metadata)
    assert json.loads(metadata.pop("containerimage.config")) == {"os": "linux"}
    assert metadata == {"other": b"\0"}


def test_a_build_by_a_frontend(daemon: Running) -> None:
    with connect(daemon.address) as client:
        client.solve_frontend("dockerfile.v0", {"filename": "Containerfile"}, exporter="moby")
    assert daemon.build.request.Frontend == "dockerfile.v0"
    assert dict(daemon.build.request.FrontendAttrs) == {"filename": "Containerfile"}


def test_a_daemon_describes_itself(daemon: Running) -> None:
    daemon.disabled = {"mergeop", "diffop"}
    with connect(daemon.address) as client:
        assert client.capabilities() == OLD
        assert client.frontend_capabilities() == {"readfile"}
        assert client.version() == ""
        assert client.describe() == (
            f"{daemon.address}: a BuildKit of its own, of a version before 0.11, {len(OLD)} capabilities, "
            "without merge and diff"
        )
        assert daemon.calls.count("LLBBridge/Ping") == 1
    daemon.capabilities |= MERGING
    daemon.version = "v0.32.2"
    with connect(daemon.address) as client:
        assert client.capabilities() == OLD | MERGING
        assert client.describe().endswith(f"its own, v0.32.2, {len(OLD) + 2} capabilities, with merge and diff")


def events(*answers: control.StatusResponse) -> list[control.StatusResponse]:
    return list(answers)


def vertex(digest: str, name: str, **more: object) -> control.Vertex:
    made = control.Vertex(digest=digest, name=name, **more)  # type: ignore[arg-type]
    made.started.seconds = 1
    return made


FAILED = events(
    control.StatusResponse(vertexes=[vertex("sha256:b", "other")]),
    control.StatusResponse(
        vertexes=[vertex("sha256:a", "pip install x")],
        logs=[
            control.VertexLog(vertex="sha256:a", stream=1, msg=b"one\ntw"),
            control.VertexLog(vertex="sha256:a", stream=1, msg=b"o\n"),
            control.VertexLog(vertex="sha256:a", stream=2, msg=b"no such x"),
        ],
    ),
    control.StatusResponse(vertexes=[vertex("sha256:b", "other", error="context canceled: context canceled")]),
    control.StatusResponse(vertexes=[vertex("sha256:a", "pip install x", error="executor failed: exit code: 3")]),
)


def test_a_failing_step_has_its_name_its_last_lines_and_its_exit_code(furnished: Running) -> None:
    furnished.script = FAILED
    furnished.faults["LLBBridge/Solve"] = (grpc.StatusCode.UNKNOWN, "executor failed running [pip]: exit code: 3")
    observed: list[Event] = []
    with connect(furnished.address) as client, pytest.raises(StepFailedError) as caught:
        client.build(whole, watch=observed.append)
    assert str(caught.value) == "pip install x failed with exit code 3"
    assert (caught.value.step, caught.value.code) == ("pip install x", 3)
    assert caught.value.lines == ("one", "two", "no such x")
    assert caught.value.as_data()["lines"] == ["one", "two", "no such x"]
    assert [(event.kind, event.name, event.text) for event in observed] == [
        ("began", "other", ""),
        ("began", "pip install x", ""),
        ("line", "pip install x", "one"),
        ("line", "pip install x", "two"),
        ("failed", "other", "context canceled: context canceled"),
        ("line", "pip install x", "no such x"),
        ("failed", "pip install x", "executor failed: exit code: 3"),
    ]
    # The daemon got the reason why the function failed.
    (build,) = furnished.builds.values()
    assert build.returned is not None
    assert build.returned.error.message == "executor failed running [pip]: exit code: 3"


CALLS = [
    "Control/ListWorkers",
    "Control/Session",
    "Control/Solve",
    "LLBBridge/ResolveImageConfig",
    "LLBBridge/Solve",
    "LLBBridge/ReadFile",
    "LLBBridge/ReadDir",
    "LLBBridge/StatFile",
    "LLBBridge/Return",
]
FAULTS = [
    ((grpc.StatusCode.UNKNOWN, "failed: no such job x"), NoSuchJobError, "does not know this build any more"),
    (
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "grpc: received message larger than max (5242973 vs. 4194304)"),
        MessageTooLargeError,
        "a message of 5.0 MiB is over the 4.0 MiB that is the limit of the BuildKit at ",
    ),
    (
        (grpc.StatusCode.UNKNOWN, "failed to load LLB: unknown API capability mergeop"),
        MissingCapabilityError,
        "does not have mergeop, which this build needs",
    ),
    ((grpc.StatusCode.UNAVAILABLE, "Socket closed"), DaemonGoneError, "went away"),
    ((grpc.StatusCode.UNKNOWN, "disk is full"), BuildKitError, "refused: disk is full"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("fault", "kind", "message"), FAULTS, ids=[kind.__name__ for _, kind, _ in FAULTS])
def test_a_fault_at_any_call(
    furnished: Running, call: str, fault: tuple[grpc.StatusCode, str], kind: type[BuildKitError], message: str
) -> None:
    furnished.faults[call] = fault
    with pytest.raises(kind) as caught, connect(furnished.address) as client:
        client.build(whole, session=Session())
    assert type(caught.value) is kind
    assert message in caught.value.message and furnished.address in caught.value.message
    assert caught.value.detail == fault[1]


@pytest.mark.parametrize("call", CALLS[1:])
def test_a_daemon_that_dies_at_any_call(furnished: Running, call: str) -> None:
    reached = furnished.hold(call)
    threading.Thread(target=lambda: reached.wait() and furnished.server.stop(None)).start()
    with pytest.raises(DaemonGoneError) as caught, connect(furnished.address) as client:
        client.build(whole, session=Session())
    assert caught.value.message == f"the BuildKit at {furnished.address} went away"
    assert caught.value.hint.startswith("see in its log why it ended")


def test_a_status_that_fails_costs_the_events_and_not_the_build(furnished: Running) -> None:
    furnished.faults["Control/Status"] = (grpc.StatusCode.UNKNOWN, "disk is full")
    with connect(furnished.address) as client:
        assert client.build(whole)


def test_status_is_requested_again_until_the_build_exists(furnished: Running) -> None:
    furnished.script = events(control.StatusResponse(vertexes=[vertex("sha256:a", "early")]))
    reached = furnished.hold("Control/Solve")
    requested = threading.Event()

    def status() -> None:
        # The third time is proof that it does not stop asking.
        if furnished.calls.count("Control/Status") == 3:
            requested.set()

    furnished.faults["Control/Status"] = status

    def release() -> None:
        assert reached.wait(30) and requested.wait(30)
        furnished.release("Control/Solve")

    threading.Thread(target=release).start()
    observed: list[Event] = []
    with connect(furnished.address) as client:
        client.build(whole, watch=observed.append)
    assert [event.name for event in observed] == ["early"]


def test_a_capability_that_the_daemon_has_not_is_named(furnished: Running) -> None:
    def function(build: Gateway) -> BuildResult:
        return BuildResult(build.solve(marshal(merge([image(BASE), image(BASE).run("true")]))))

    with connect(furnished.address) as client, pytest.raises(MissingCapabilityError) as caught:
        client.build(function)
    assert caught.value.capability == "mergeop"
    furnished.capabilities |= MERGING
    with connect(furnished.address) as client:
        assert client.build(function)


def test_a_message_over_the_limit(furnished: Running) -> None:
    def function(build: Gateway) -> BuildResult:
        large = image(BASE).mkfile("/a", bytes(5 * 2**19)).mkfile("/b", bytes(5 * 2**19))
        return BuildResult(build.solve(marshal(large)))

    with connect(furnished.address) as client, pytest.raises(MessageTooLargeError) as caught:
        client.build(function)
    assert caught.value.message == (
        f"a message of 5.0 MiB is over the 4.0 MiB that is the limit of the BuildKit at {furnished.address}"
    )


def test_a_call_that_the_daemon_does_not_know(furnished: Running) -> None:
    furnished.faults["LLBBridge/StatFile"] = (grpc.StatusCode.UNIMPLEMENTED, "unknown method StatFile")
    with connect(furnished.address) as client, pytest.raises(TooOldError, match="is too old: unknown method StatFile"):
        client.build(whole)


def test_what_the_function_raises_passes_through_and_ends_the_build(furnished: Running) -> None:
    def function(build: Gateway) -> BuildResult:
        build.solve(marshal(RUN))
        raise ValueError("mine")

    with connect(furnished.address) as client, pytest.raises(ValueError, match="mine"):
        client.build(function)
    furnished.build.ended.wait(30)
    assert furnished.build.cancelled


def test_what_the_watcher_raises_passes_through_and_ends_the_build(furnished: Running) -> None:
    furnished.script = FAILED

    def watch(event: Event) -> None:
        raise ValueError("unwatched")

    def function(build: Gateway) -> BuildResult:
        furnished.hold("LLBBridge/ReadFile")
        build.solve(marshal(RUN)).read_file("/etc/os-release")
        raise AssertionError("it was ended before")

    with connect(furnished.address) as client, pytest.raises(ValueError, match="unwatched"):
        client.build(function, watch=watch)
    (build,) = furnished.builds.values()
    build.ended.wait(30)
    assert build.cancelled


@pytest.mark.parametrize("call", CALLS[2:])
def test_stop_all_ends_builds_of_other_threads(furnished: Running, call: str) -> None:
    reached = furnished.hold(call)
    ended: list[str] = []

    def run() -> None:
        try:
            with connect(furnished.address) as client:
                client.build(whole)
        except KeyboardInterrupt:
            ended.append("interrupted")

    thread = threading.Thread(target=run)
    thread.start()
    assert reached.wait(30)
    solving.stop_all()
    thread.join(30)
    assert ended == ["interrupted"]
