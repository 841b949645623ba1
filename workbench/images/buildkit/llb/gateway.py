"""A build in progress, controlled by this process: solve, inspect the result, decide, solve on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from workbench.images.buildkit.llb.calls import BRIDGE, Calls, Future, Response
from workbench.images.buildkit.llb.failures import BuildKitError, NoSuchJobError
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.pb import fsutil_pb2 as fsutil
from workbench.images.buildkit.llb.pb import gateway_pb2 as pb
from workbench.images.buildkit.llb.pb import ops_pb2 as ops

_CONFIG = "containerimage.config"


@dataclass(frozen=True, slots=True)
class Stat:
    """A file of a tree; `mode` is Go's os.FileMode, `link` what it points to."""

    path: str
    mode: int
    size: int
    uid: int
    gid: int
    link: str

    @property
    def is_folder(self) -> bool:
        """Whether it is one."""
        return bool(self.mode & 1 << 31)


class Ref:
    """A tree that the daemon made and holds until the build ends; the empty one has the id ""."""

    def __init__(self, call: Callable[[str, Message, type[Any]], Any], name: str) -> None:
        self._call = call
        self.id = name

    def read_file(self, path: str, offset: int = 0, length: int = 0) -> bytes:
        """Return what is in the file `path`: all of it, or `length` bytes from `offset` on."""
        part = pb.FileRange(Offset=offset, Length=length) if offset or length else None
        response = self._call(
            "ReadFile", pb.ReadFileRequest(Ref=self.id, FilePath=path, Range=part), pb.ReadFileResponse
        )
        return bytes(response.Data)

    def read_dir(self, path: str, pattern: str = "") -> list[Stat]:
        """Return what is in the folder `path`, of the names that `pattern` matches; their paths are names."""
        request = pb.ReadDirRequest(Ref=self.id, DirPath=path, IncludePattern=pattern)
        return [_stat(entry) for entry in self._call("ReadDir", request, pb.ReadDirResponse).entries]

    def stat(self, path: str) -> Stat:
        """Return what `path` is, or what it leads to where it is a link."""
        return _stat(self._call("StatFile", pb.StatFileRequest(Ref=self.id, Path=path), pb.StatFileResponse).stat)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The result of a build: a tree (None for none), the image's config, and other metadata."""

    ref: Ref | None = None
    config: dict[str, Any] | None = None
    metadata: dict[str, bytes] = field(default_factory=dict)


class Gateway:
    """The build that a function controls. Every method raises a BuildKitError."""

    def __init__(self, calls: Calls, build: str, imports: Iterable[control.CacheOptionsEntry] = ()) -> None:
        self._calls = calls
        # The gateway decides which of its solves may use these caches: all of them.
        self._imports = [pb.CacheOptionsEntry(Type=cache.Type, Attrs=dict(cache.Attrs)) for cache in imports]
        self._metadata = (("buildkit-controlapi-buildid", build),)
        self._lock = threading.Lock()
        self._pending: set[Future[Any]] = set()
        self._ended = False

    def end(self) -> None:
        """Have every call fail, pending ones too: the daemon has ended the build."""
        with self._lock:
            self._ended = True
            pending = list(self._pending)
        for call in pending:
            call.cancel()

    def ping(self) -> pb.PongResponse:
        """Return the daemon's description of itself."""
        return self._call("Ping", pb.PingRequest(), pb.PongResponse)

    def image_config(self, ref: str, *, mode: str = "local", name: str = "") -> tuple[str, dict[str, Any]]:
        """Return the digest of the image `ref` and its config; `mode` is local, default or pull."""
        request = pb.ResolveImageConfigRequest(Ref=ref, ResolveMode=mode, LogName=name or f"look at {ref}")
        response = self._call("ResolveImageConfig", request, pb.ResolveImageConfigResponse)
        try:
            config = json.loads(response.Config)
        except ValueError:
            raise BuildKitError(f"the config of {ref} is not one: {response.Config[:80]!r}") from None
        return response.Digest, config

    def solve(self, definition: ops.Definition, *, evaluate: bool = True) -> Ref:
        """Have `definition` made and return the tree; without `evaluate` it is made when it is first read."""
        request = pb.SolveRequest(
            Definition=definition,
            allowResultReturn=True,
            allowResultArrayRef=True,
            Evaluate=evaluate,
            CacheImports=self._imports,
        )
        response = self._call("Solve", request, pb.SolveResponse)
        return Ref(self._call, response.result.ref.id or response.result.refDeprecated or response.ref)

    def finish(self, result: BuildResult) -> None:
        """End the build with its `result`."""
        message = pb.Result(metadata=dict(result.metadata))
        if result.config is not None:
            message.metadata[_CONFIG] = json.dumps(result.config, sort_keys=True).encode()
        if result.ref is not None:
            message.ref.id = result.ref.id
        self._call("Return", pb.ReturnRequest(result=message), pb.ReturnResponse)

    def fail(self, reason: str) -> None:
        """End the build with an error."""
        request = pb.ReturnRequest(error=pb.Status(code=2, message=reason))
        self._call("Return", request, pb.ReturnResponse)

    def _call(self, name: str, request: Message, response: type[Response]) -> Response:
        call = self._calls.start(f"{BRIDGE}/{name}", request, response, self._metadata)
        with self._lock:
            self._pending.add(call)
            ended = self._ended
        try:
            if ended:
                raise grpc.FutureCancelledError
            return call.result()
        except grpc.FutureCancelledError:
            raise NoSuchJobError(f"the BuildKit at {self._calls.address} ended the build by itself") from None
        except grpc.RpcError as error:
            raise self._calls.failure(error) from None
        finally:
            call.cancel()
            with self._lock:
                self._pending.discard(call)


def _stat(entry: fsutil.Stat) -> Stat:
    return Stat(entry.path, entry.mode, entry.size, entry.uid, entry.gid, entry.linkname)
