"""A BuildKit for tests, in this process: it responds as it is set up to, fails where it is set up to, and records all.

    with fake.started() as daemon:
        daemon.capabilities |= {"mergeop", "diffop"}
        daemon.faults["LLBBridge/ReadFile"] = (grpc.StatusCode.UNKNOWN, "no such file")
        with connect(daemon.address) as client: ...
        assert daemon.calls == [...]

It runs no step: every tree has `files`, and `script` is all that Status reports.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

import grpc
from google.protobuf.message import Message

from tests.engine import SHORT
from tests.images.buildkit.llb.dialled import Dialled
from workbench.images.buildkit.llb.pb import capabilities_pb2 as apicaps
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.pb import fsutil_pb2 as fsutil
from workbench.images.buildkit.llb.pb import gateway_pb2 as bridge
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.pb import workers_pb2 as workers

# Those of Debian's Docker Engine 20.10, as it reports them itself.
OLD = frozenset((Path(__file__).parent / "docker-20.10.txt").read_text().split())
MERGING = frozenset({"mergeop", "diffop"})
_BOTH_WAYS = ("Session",)
_STREAMS_RESPONSES = ("Status",)


@dataclass
class Build:
    """A build that was requested: its request, what its gateway solved, and how it ended."""

    request: control.SolveRequest
    solves: list[bridge.SolveRequest] = field(default_factory=list)
    returned: bridge.ReturnRequest | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False

    @property
    def definitions(self) -> list[pb.Definition]:
        return [one.Definition for one in self.solves]


class Fake:
    """The daemon. Everything but `address` may be set, before it is called or meanwhile."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.capabilities = set(OLD)
        # What it knows and has switched off: a Ping names these too.
        self.disabled: set[str] = set()
        self.version = ""
        self.files: dict[str, bytes] = {}
        self.images: dict[str, dict[str, Any]] = {}
        self.script: list[control.StatusResponse] = []
        # By call, `Control/Solve` for one: the error it ends with, or what it does first.
        self.faults: dict[str, tuple[grpc.StatusCode, str] | Callable[[], None]] = {}
        # By call: it waits there; `reached` is set when it does.
        self.waiting: dict[str, threading.Event] = {}
        self.reached: dict[str, threading.Event] = {}
        # What a build does with the session that it was given, before anything else.
        self.use: Callable[[grpc.Channel], None] | None = None
        self.calls: list[str] = []
        self.builds: dict[str, Build] = {}
        self.sessions: dict[str, Dialled] = {}
        self._arrived = threading.Condition()

    def hold(self, call: str) -> threading.Event:
        """Have `call` wait; return what is set when it does. `release` lets it go on."""
        self.waiting[call] = threading.Event()
        self.reached[call] = threading.Event()
        return self.reached[call]

    def release(self, call: str) -> None:
        self.waiting.pop(call).set()

    @property
    def build(self) -> Build:
        """The one build that there was, apart from those that only read the capabilities."""
        (found,) = (one for one in self.builds.values() if one.definitions or one.request.Frontend)
        return found

    # Control

    def ListWorkers(
        self, request: control.ListWorkersRequest, context: grpc.ServicerContext
    ) -> control.ListWorkersResponse:
        return control.ListWorkersResponse(record=[workers.WorkerRecord(ID="fake")])

    def Info(self, request: control.InfoRequest, context: grpc.ServicerContext) -> control.InfoResponse:
        if not self.version:
            _fail(context, grpc.StatusCode.UNIMPLEMENTED, "unknown method Info for service moby.buildkit.v1.Control")
        return control.InfoResponse(buildkitVersion=workers.BuildkitVersion(version=self.version))

    def Solve(self, request: control.SolveRequest, context: grpc.ServicerContext) -> control.SolveResponse:
        build = Build(request)
        with self._arrived:
            self.builds[request.Ref] = build
            self._arrived.notify_all()

        def gone() -> None:
            build.cancelled = not build.ended.is_set()
            build.ended.set()

        if not context.add_callback(gone):
            gone()
        try:
            if request.Session and self.use is not None:
                self.use(self._session(request.Session))
            if not request.Frontend and not request.HasField("Definition"):
                build.ended.wait()
            if build.returned is not None and build.returned.HasField("error"):
                _fail(context, grpc.StatusCode.UNKNOWN, build.returned.error.message)
        finally:
            build.ended.set()
        made = hashlib.sha256(b"".join(one.SerializeToString(deterministic=True) for one in build.definitions))
        return control.SolveResponse(ExporterResponse={"containerimage.digest": f"sha256:{made.hexdigest()}"})

    def Status(self, request: control.StatusRequest, context: grpc.ServicerContext) -> Iterator[control.StatusResponse]:
        if (build := self.builds.get(request.Ref)) is None:
            _fail(context, grpc.StatusCode.UNKNOWN, f"no such job {request.Ref}")
        yield from self.script
        build.ended.wait()

    def Session(
        self, messages: Iterator[control.BytesMessage], context: grpc.ServicerContext
    ) -> Iterator[control.BytesMessage]:
        metadata: dict[str, list[str]] = {}
        for key, value in context.invocation_metadata():
            metadata.setdefault(key.removeprefix("x-docker-expose-session-"), []).append(str(value))
        dialled = Dialled(messages, metadata)
        context.add_callback(dialled.close)
        with self._arrived:
            self.sessions[metadata["uuid"][0]] = dialled
            self._arrived.notify_all()
        yield from dialled.theirs()

    def _session(self, name: str) -> grpc.Channel:
        with self._arrived:
            assert self._arrived.wait_for(lambda: name in self.sessions, timeout=30)
        return self.sessions[name].channel

    # LLBBridge

    def Ping(self, request: bridge.PingRequest, context: grpc.ServicerContext) -> bridge.PongResponse:
        known = {**dict.fromkeys(self.disabled, False), **dict.fromkeys(self.capabilities, True)}
        return bridge.PongResponse(
            LLBCaps=[apicaps.APICap(ID=name, Enabled=enabled) for name, enabled in sorted(known.items())],
            FrontendAPICaps=[apicaps.APICap(ID="readfile", Enabled=True)],
            Workers=[workers.WorkerRecord(ID="fake")],
        )

    def ResolveImageConfig(
        self, request: bridge.ResolveImageConfigRequest, context: grpc.ServicerContext
    ) -> bridge.ResolveImageConfigResponse:
        if (config := self.images.get(request.Ref)) is None:
            _fail(context, grpc.StatusCode.UNKNOWN, f"{request.Ref}: not found")
        text = json.dumps(config).encode()
        return bridge.ResolveImageConfigResponse(Digest=f"sha256:{hashlib.sha256(text).hexdigest()}", Config=text)

    def BridgeSolve(self, request: bridge.SolveRequest, context: grpc.ServicerContext) -> bridge.SolveResponse:
        for vertex in request.Definition.metadata.values():
            for name in sorted(vertex.caps):
                if name not in self.capabilities:
                    _fail(context, grpc.StatusCode.UNKNOWN, f"failed to load LLB: unknown API capability {name}")
        self._of(context).solves.append(request)
        name = hashlib.sha256(request.Definition.SerializeToString(deterministic=True)).hexdigest()[:25]
        return bridge.SolveResponse(result=bridge.Result(ref=bridge.Ref(id=name)))

    def ReadFile(self, request: bridge.ReadFileRequest, context: grpc.ServicerContext) -> bridge.ReadFileResponse:
        data = self._file(request.FilePath, context)
        end = request.Range.Offset + request.Range.Length if request.Range.Length else None
        return bridge.ReadFileResponse(Data=data[request.Range.Offset : end])

    def ReadDir(self, request: bridge.ReadDirRequest, context: grpc.ServicerContext) -> bridge.ReadDirResponse:
        folder = request.DirPath.rstrip("/") + "/"
        below = [path.removeprefix(folder) for path in self.files if path.startswith(folder)]
        names = sorted({name.split("/")[0] for name in below})
        folders = {name.split("/")[0] for name in below if "/" in name}
        if not names:
            _fail(context, grpc.StatusCode.UNKNOWN, f"open {request.DirPath}: no such file or directory")
        return bridge.ReadDirResponse(
            entries=[fsutil.Stat(path=name, mode=1 << 31 if name in folders else 0o644) for name in names]
        )

    def StatFile(self, request: bridge.StatFileRequest, context: grpc.ServicerContext) -> bridge.StatFileResponse:
        size = len(self._file(request.Path, context))
        return bridge.StatFileResponse(stat=fsutil.Stat(path=Path(request.Path).name, mode=0o644, size=size))

    def Return(self, request: bridge.ReturnRequest, context: grpc.ServicerContext) -> bridge.ReturnResponse:
        build = self._of(context)
        build.returned = request
        build.ended.set()
        return bridge.ReturnResponse()

    def _file(self, path: str, context: grpc.ServicerContext) -> bytes:
        if path not in self.files:
            _fail(context, grpc.StatusCode.UNKNOWN, f"open {path}: no such file or directory")
        return self.files[path]

    def _of(self, context: grpc.ServicerContext) -> Build:
        name = str(dict(context.invocation_metadata()).get("buildkit-controlapi-buildid", ""))
        with self._arrived:
            # As BuildKit does: a gateway may be quicker than its Solve.
            if not self._arrived.wait_for(lambda: name in self.builds, timeout=3):
                _fail(context, grpc.StatusCode.UNKNOWN, f"no such job {name}")
        return self.builds[name]

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """Every call, noted and failing as it should."""
        services: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {"Control": {}, "LLBBridge": {}}
        for service, names in CALLS.items():
            for name, (request, answer) in names.items():
                does = getattr(self, "BridgeSolve" if (service, name) == ("LLBBridge", "Solve") else name)
                services[service][name] = self._handler(f"{service}/{name}", does, request, answer)
        return [
            grpc.method_handlers_generic_handler("moby.buildkit.v1.Control", services["Control"]),
            grpc.method_handlers_generic_handler("moby.buildkit.v1.frontend.LLBBridge", services["LLBBridge"]),
        ]

    def _handler(
        self, call: str, does: Callable[..., Any], request: type[Message], answer: type[Message]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        name = call.partition("/")[2]
        kinds: dict[str, Any] = {
            "request_deserializer": request.FromString,
            "response_serializer": answer.SerializeToString,
        }

        def one(request: Message, context: grpc.ServicerContext) -> Message:
            self._before(call, context)
            return cast(Message, does(request, context))

        def many(request: object, context: grpc.ServicerContext) -> Iterator[Message]:
            self._before(call, context)
            yield from does(request, context)

        if name in _BOTH_WAYS:
            return grpc.stream_stream_rpc_method_handler(many, **kinds)
        if name in _STREAMS_RESPONSES:
            return grpc.unary_stream_rpc_method_handler(many, **kinds)
        return grpc.unary_unary_rpc_method_handler(one, **kinds)

    def _before(self, call: str, context: grpc.ServicerContext) -> None:
        self.calls.append(call)
        if (gate := self.waiting.get(call)) is not None:
            if not context.add_callback(gate.set):
                gate.set()
            self.reached[call].set()
            gate.wait()
        fault = self.faults.get(call)
        if callable(fault):
            fault()
        elif fault is not None:
            _fail(context, *fault)


CALLS: dict[str, dict[str, tuple[type[Message], type[Message]]]] = {
    "Control": {
        "Solve": (control.SolveRequest, control.SolveResponse),
        "Status": (control.StatusRequest, control.StatusResponse),
        "Session": (control.BytesMessage, control.BytesMessage),
        "ListWorkers": (control.ListWorkersRequest, control.ListWorkersResponse),
        "Info": (control.InfoRequest, control.InfoResponse),
    },
    "LLBBridge": {
        "Ping": (bridge.PingRequest, bridge.PongResponse),
        "ResolveImageConfig": (bridge.ResolveImageConfigRequest, bridge.ResolveImageConfigResponse),
        "Solve": (bridge.SolveRequest, bridge.SolveResponse),
        "ReadFile": (bridge.ReadFileRequest, bridge.ReadFileResponse),
        "ReadDir": (bridge.ReadDirRequest, bridge.ReadDirResponse),
        "StatFile": (bridge.StatFileRequest, bridge.StatFileResponse),
        "Return": (bridge.ReturnRequest, bridge.ReturnResponse),
    },
}


def _fail(context: grpc.ServicerContext, code: grpc.StatusCode, message: str) -> NoReturn:
    context.abort(code, message)
    raise AssertionError("abort raises")


class Running(Fake):
    """A Fake that listens; `kill` ends it as a crash would."""

    def __init__(self, address: str, credentials: grpc.ServerCredentials | None = None) -> None:
        super().__init__(address)
        self._pool = ThreadPoolExecutor(16, "fake")
        self.server = grpc.server(self._pool)
        self.server.add_generic_rpc_handlers(self.handlers())
        if credentials is None:
            self.server.add_insecure_port(address.removeprefix("tcp://").replace("unix://", "unix:"))
        else:
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
            self.address = f"tcp://127.0.0.1:{self.port}"
        self.server.start()

    def kill(self) -> None:
        for build in self.builds.values():
            build.ended.set()
        for gate in self.waiting.values():
            gate.set()
        for dialled in list(self.sessions.values()):
            dialled.close()
        self.server.stop(None).wait()
        self._pool.shutdown(wait=False)


@contextmanager
def started(credentials: grpc.ServerCredentials | None = None) -> Iterator[Running]:
    """Yield a fake daemon at a unix socket, or with TLS on loopback; it is gone afterwards."""
    folder = tempfile.mkdtemp(prefix="wbfake-", dir=SHORT)
    daemon = Running(f"unix://{folder}/buildkitd.sock", credentials)
    try:
        yield daemon
    finally:
        daemon.kill()
        shutil.rmtree(folder, ignore_errors=True)
