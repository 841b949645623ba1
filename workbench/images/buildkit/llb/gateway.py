"""A build in progress, steered from here: solve, look into what came of it, decide, solve on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from workbench.images.buildkit.llb.calls import BRIDGE, Calls, Future
from workbench.images.buildkit.llb.calls import Answer as Reply
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
    """A tree that the daemon made and keeps until the build ends; the empty one has the id ""."""

    def __init__(self, ask: Callable[[str, Message, type[Any]], Any], name: str) -> None:
        self._ask = ask
        self.id = name

    def read_file(self, path: str, offset: int = 0, length: int = 0) -> bytes:
        """Return what is in the file `path`: all of it, or `length` bytes from `offset` on."""
        part = pb.FileRange(Offset=offset, Length=length) if offset or length else None
        answer = self._ask("ReadFile", pb.ReadFileRequest(Ref=self.id, FilePath=path, Range=part), pb.ReadFileResponse)
        return bytes(answer.Data)

    def read_dir(self, path: str, pattern: str = "") -> list[Stat]:
        """Return what is in the folder `path`, of the names that `pattern` matches; their paths are names."""
        request = pb.ReadDirRequest(Ref=self.id, DirPath=path, IncludePattern=pattern)
        return [_stat(entry) for entry in self._ask("ReadDir", request, pb.ReadDirResponse).entries]

    def stat(self, path: str) -> Stat:
        """Return what `path` is, or what it leads to where it is a link."""
        return _stat(self._ask("StatFile", pb.StatFileRequest(Ref=self.id, Path=path), pb.StatFileResponse).stat)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a build made: a tree (None for none), the image's config, and other things said of it."""

    ref: Ref | None = None
    config: dict[str, Any] | None = None
    metadata: dict[str, bytes] = field(default_factory=dict)


class Gateway:
    """What a function that builds is given. Every call raises a BuildKitError."""

    def __init__(self, calls: Calls, build: str, imports: Iterable[control.CacheOptionsEntry] = ()) -> None:
        self._calls = calls
        # A daemon leaves it to the gateway which of its solves may take from these caches: all of them.
        self._imports = [pb.CacheOptionsEntry(Type=cache.Type, Attrs=dict(cache.Attrs)) for cache in imports]
        self._metadata = (("buildkit-controlapi-buildid", build),)
        self._lock = threading.Lock()
        self._pending: set[Future[Any]] = set()
        self._ended = False

    def end(self) -> None:
        """Have every call fail, those on their way too: the daemon has ended the build."""
        with self._lock:
            self._ended = True
            pending = list(self._pending)
        for call in pending:
            call.cancel()

    def ping(self) -> pb.PongResponse:
        """Return what the daemon says of itself."""
        return self._ask("Ping", pb.PingRequest(), pb.PongResponse)

    def image_config(self, ref: str, *, mode: str = "local", name: str = "") -> tuple[str, dict[str, Any]]:
        """Return the digest of the image `ref` and its config; `mode` is local, default or pull."""
        request = pb.ResolveImageConfigRequest(Ref=ref, ResolveMode=mode, LogName=name or f"look at {ref}")
        answer = self._ask("ResolveImageConfig", request, pb.ResolveImageConfigResponse)
        try:
            config = json.loads(answer.Config)
        except ValueError:
            raise BuildKitError(f"the config of {ref} is not one: {answer.Config[:80]!r}") from None
        return answer.Digest, config

    def solve(self, definition: ops.Definition, *, evaluate: bool = True) -> Ref:
        """Have `definition` made and return the tree; without `evaluate` it is made when it is looked at."""
        request = pb.SolveRequest(
            Definition=definition,
            allowResultReturn=True,
            allowResultArrayRef=True,
            Evaluate=evaluate,
            CacheImports=self._imports,
        )
        answer = self._ask("Solve", request, pb.SolveResponse)
        return Ref(self._ask, answer.result.ref.id or answer.result.refDeprecated or answer.ref)

    def give(self, answer: Answer) -> None:
        """End the build with what was made."""
        result = pb.Result(metadata=dict(answer.metadata))
        if answer.config is not None:
            result.metadata[_CONFIG] = json.dumps(answer.config, sort_keys=True).encode()
        if answer.ref is not None:
            result.ref.id = answer.ref.id
        self._ask("Return", pb.ReturnRequest(result=result), pb.ReturnResponse)

    def give_up(self, why: str) -> None:
        """End the build without anything."""
        request = pb.ReturnRequest(error=pb.Status(code=2, message=why))
        self._ask("Return", request, pb.ReturnResponse)

    def _ask(self, name: str, request: Message, answer: type[Reply]) -> Reply:
        call = self._calls.begin(f"{BRIDGE}/{name}", request, answer, self._metadata)
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
