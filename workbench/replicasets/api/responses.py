"""What clients get: the envelope, and the data of each endpoint in it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, create_model

from workbench.replicasets.options import OPTIONS

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def with_options(model: type[M]) -> type[M]:
    """Return the model with a field for each option of a set, as clients write it."""
    more: dict[str, Any] = {option.key: (option.type, ...) for option in OPTIONS}
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, __module__=model.__module__, **more)


class Envelope(BaseModel, Generic[T]):
    """The envelope of every answer: `code` 200 and `data`, or what went wrong and what to do about it."""

    code: int = 200
    msg: str = "success"
    data: T | None = None
    hint: str = ""


class ErrorEnvelope(BaseModel):
    """The envelope without data. `field` is the field of `run`'s body that it is about; left out where none is known.

    For a change of a set it is the field that the same thing has there. `gpus` is how many GPUs can be waited for in
    turn; left out where there is nothing to wait for.
    """

    code: int
    msg: str
    data: None = None
    hint: str = ""
    field: str = ""
    gpus: int = 0


class PortView(BaseModel):
    """A port inside, and the host's port that leads to it."""

    container: int
    host: int
    protocol: str


class EndingView(BaseModel):
    """How a set's container ended by itself: when, its exit code (null: not known), why, "" for no reason of its own.

    `restarts` is how often it was started again since it last ran for long, `startsAt` when that is done or was.
    """

    at: str
    exitCode: int | None
    reason: str
    restarts: int
    startsAt: str


@with_options
class SetView(BaseModel):
    """A set and its current version; `mayChange` says whether the caller may change it.

    `state` is running, paused, stopped, exited (its main program ended), restarting (the same, and it is started
    again soon), gone (its container was removed past the service) or pending (it was started, and the engine has not
    brought it up yet). `operation` is what is being done to it now, "" for nothing. `problem` is what the service could
    not do for it, or why it is pending, "" for nothing.
    """

    name: str
    version: int
    containerName: str
    state: str
    owner: str
    createTime: str
    imageName: str
    gpus: list[str]
    ports: list[PortView]
    mayChange: bool
    operation: str
    ending: EndingView | None = None
    problem: str = ""


class SetList(BaseModel):
    """Sets by name, and the host's address on which their ports are.

    `continue` is for the request of the next page, "" on the last one; `total` counts them on all pages.
    """

    replicaSets: list[SetView]
    continue_: str = Field(alias="continue")
    total: int
    publish: str


class RunResponse(BaseModel):
    """The container of the first version; why it is pending, left out when it runs."""

    name: str
    gpus: list[str]
    ports: list[PortView]
    waiting: str | None = None


class ChangeResponse(BaseModel):
    """The container of the version that stands now; what it lacks of the disk before it, left out for nothing.

    `waiting` is why it is pending, left out when it runs.
    """

    containerName: str
    notes: list[str] | None = None
    waiting: str | None = None


class CommitResponse(BaseModel):
    """The image's full name."""

    imageName: str


class ExecuteResponse(BaseModel):
    """A program's output (both streams), its exit code (-1: it was ended), and why it was ended."""

    stdout: str
    exitCode: int
    timedOut: bool
    cut: bool


class LogPiece(BaseModel):
    """A piece of what a container wrote, and where to: 1 or 2. With a terminal, as sets have one, all of it is 1."""

    stream: int
    text: str


class LogsResponse(BaseModel):
    """What a container wrote, oldest first, pieces of one stream together; `cut` when it was more than it may be."""

    pieces: list[LogPiece]
    cut: bool


class WaitResponse(BaseModel):
    """Whether it `holds` now, and if not, whether it `never` will unless somebody does something; why not."""

    holds: bool
    never: bool
    reason: str


class StatResponse(BaseModel):
    """What is at a path: `none`, a `file`, a `folder`, or something `other`; links are followed."""

    kind: str


class AddedResponse(BaseModel):
    """How many bytes the archive had that was unpacked."""

    bytes: int


class FileChange(BaseModel):
    """A path that was `added`, `changed` or `removed`; bytes before and after, null where they are not known."""

    path: str
    change: str
    before: int | None
    after: int | None


class PackageView(BaseModel):
    """A package (kind python or debian) that was added, changed or removed; "" for versions that are not known."""

    kind: str
    name: str
    change: str
    before: str
    after: str


class CompareResponse(BaseModel):
    """What changed between two versions: the first of the `files`, how many there are, and by how much they grew.

    `bytes` is null where the service cannot read the engine's disks.
    """

    files: list[FileChange]
    added: int
    changed: int
    removed: int
    bytes: int | None
    packages: list[PackageView]
    notes: list[str]


class AddressResponse(BaseModel):
    """Where a set's IDE is opened: the port of the host at `host`, the path, the token ("": none that is known).

    `tunnel` is a command that leads a port of one's own machine there, "" where none is needed.
    """

    host: str
    port: int
    path: str
    token: str
    tunnel: str = ""


class VersionRecord(BaseModel):
    """A version as the original records it (the parts in Docker's words), and in plain words beside."""

    version: int
    createTime: str
    config: dict[str, Any]
    hostConfig: dict[str, Any]
    networkingConfig: dict[str, Any]
    platform: dict[str, Any]
    containerName: str
    gpus: list[str]
    ports: list[PortView]
    origin: int
    notes: list[str] = []


class CurrentRecord(VersionRecord):
    """The current version; `state` is that of lists, `live` the engine's for its container, looked up now.

    `lastLines` is what it wrote last before it ended by itself; only the owner and administrators get them.
    """

    state: str
    live: str
    owner: str
    ending: EndingView | None = None
    lastLines: list[str] = []
    problem: str = ""


class SetProblem(BaseModel):
    """What the service could not do for a set, or, with no name, for all."""

    set: str
    message: str


class ReadyResponse(BaseModel):
    """When the service last compared sets and engine, and how many things are wrong; which only with a token."""

    reconciledAt: str
    problems: int
    details: list[SetProblem] = []


class OperationResponse(BaseModel):
    """What is being done to a set: the names of its steps, and the number of the one it is at, from 1."""

    operation: str
    steps: list[str]
    at: int


class InfoResponse(BaseModel):
    """The current version, under the original's key."""

    Info: CurrentRecord


class HistoryEntry(BaseModel):
    """One version."""

    version: int
    createTime: str
    status: VersionRecord


class HistoryResponse(BaseModel):
    """Versions, newest first."""

    history: list[HistoryEntry]


class PrunedVersion(BaseModel):
    """A version that is gone, and the bytes that are free by that at least."""

    version: int
    bytes: int


class PruneResponse(BaseModel):
    """What is gone, newest first; `kept` are old ones whose image another version uses."""

    versions: list[PrunedVersion]
    bytes: int
    kept: list[int]
    dryRun: bool


class OverlapView(BaseModel):
    """A path that set and image both changed: added, changed or removed by each."""

    path: str
    mine: str
    image: str


class PackageOverlapView(BaseModel):
    """A package that the set changed: its version before, the set's, the image's; "" for none."""

    name: str
    folder: str
    was: str
    mine: str
    image: str


class NewerResponse(BaseModel):
    """The image that a set can be upgraded to, "" for none."""

    imageName: str


class UpgradeResponse(BaseModel):
    """The image and the container of the next version, "" for a dry run; what both changed.

    `paths` are the first thousand of `pathCount`; `shadowed` packages that the set alone changed. `waiting` is why the
    next version is pending, "" when it runs.
    """

    imageName: str
    containerName: str
    pathCount: int
    paths: list[OverlapView]
    packages: list[PackageOverlapView]
    shadowed: list[PackageOverlapView]
    notes: list[str]
    waiting: str


class VolumeResponse(BaseModel):
    """A volume's name with its version, and its size ("" for no limit)."""

    name: str
    size: str


class VolumeRecord(BaseModel):
    """A version of a volume."""

    version: int
    createTime: str
    opt: dict[str, Any]


class VolumeInfoResponse(BaseModel):
    """A volume, under the original's key."""

    Info: VolumeRecord


class VolumeEntry(BaseModel):
    """One version of a volume."""

    version: int
    createTime: str
    status: VolumeRecord


class VolumeHistoryResponse(BaseModel):
    """Versions of a volume, newest first."""

    history: list[VolumeEntry]


class VolumeView(BaseModel):
    """A volume in a list."""

    name: str
    version: int
    size: str
    driver: str
    owner: str
    createTime: str
    mayChange: bool


class VolumeList(BaseModel):
    """Volumes by name; `continue` and `total` as in SetList."""

    volumes: list[VolumeView]
    continue_: str = Field(alias="continue")
    total: int


class GpusResponse(BaseModel):
    """0 for a free GPU, 1 for a used one; and which set holds it, `another owner's set` for one that is not seen."""

    gpus: dict[str, int]
    holders: dict[str, str]


class PortUse(BaseModel):
    """The host's ports that are given out."""

    StartPort: int
    EndPort: int
    AvailableCount: int
    UsedPortSet: dict[str, dict[str, Any]]


class PortsResponse(BaseModel):
    """Under the original's key; and which set holds which port, as for GPUs."""

    ports: PortUse
    holders: dict[str, str]


class Share(BaseModel):
    """How much there is of something, and how much of it is given out as limits."""

    total: float
    used: float


class CpusResponse(BaseModel):
    """CPUs."""

    cpus: Share


class ImageView(BaseModel):
    """An image by a name that a set can be run with; `owner` "" is everybody. `released`: the name is a release's."""

    name: str
    owner: str
    released: bool


class ImagesResponse(BaseModel):
    """Images by name."""

    images: list[ImageView]


class Amounts(BaseModel):
    """What quotas count, `memory` and `disk` (of volumes) in bytes; of a limit null is none."""

    sets: int | None
    gpus: int | None
    memory: int | None
    volumes: int | None
    disk: int | None


class Lack(BaseModel):
    """What the engine cannot do, and why ("": there is no reason to give)."""

    what: str
    why: str


class EngineResponse(BaseModel):
    """How the engine differs: what is refused, and what a version lacks of the one before ("": nothing).

    `workbenches` is whether the service itself leads to the IDEs of sets (`POST /replicaSet/NAME/session`).
    """

    cannot: list[Lack]
    afresh: str
    workbenches: bool = False


class QuotaResponse(BaseModel):
    """The caller: its role, what it may hold, and what it holds."""

    name: str
    role: str
    limits: Amounts
    used: Amounts


class MemoryResponse(BaseModel):
    """Memory in bytes."""

    memory: Share
