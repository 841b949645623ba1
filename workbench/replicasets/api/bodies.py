"""What clients send: the original's names, its tolerance (missing and null are zero, unknown is ignored), its types."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import Terminal
from workbench.replicasets.errors import Invalid
from workbench.replicasets.options import OPTIONS
from workbench.replicasets.requests import AttachRequest, ExecuteRequest, PatchRequest, RunRequest, UpgradeRequest
from workbench.replicasets.values import Bind

B = TypeVar("B", bound="Body")

# A number beyond this means nothing for a count of GPUs or a version.
Number = Annotated[int, Field(le=2**31 - 1)]


class Body(BaseModel):
    """A body. Types are exact: "1" is no number."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:  # noqa: ANN401
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


def with_options(model: type[B]) -> type[B]:
    """Return the body with a field for each option of a set."""
    more: dict[str, Any] = {
        option.key: (
            option.type | None if option.default is None else option.type,
            Field(option.default, examples=list(option.examples) or None),
        )
        for option in OPTIONS
    }
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, __module__=model.__module__, **more)


def with_patches(model: type[B]) -> type[B]:
    """Return the body with an object for each option of a set, which changes that when it is there."""
    more: dict[str, Any] = {}
    for option in OPTIONS:
        key, inner = option.patch
        default = ... if option.default is None else option.default
        field: dict[str, Any] = {inner: (option.type, default)}
        patch = create_model(key[0].upper() + key[1:], __base__=Body, __doc__=option.patch_doc, **field)
        more[key] = (patch | None, None)
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, __module__=model.__module__, **more)


class BindBody(Body):
    """A folder of the host or a volume (`src`) at `dest` inside."""

    src: str = ""
    dest: str = ""
    readOnly: bool = False

    def value(self) -> Bind:
        """Return the bind."""
        return Bind(self.src, self.dest, self.readOnly)


@with_options
class RunBody(Body):
    """A set to run; `cpus` and `memory` are ours. Only `containerPorts` are published, each on a port of the host."""

    imageName: str = Field("", examples=["localhost/workbench-images:jupyter-minimal-bookworm-py311_2026a_20261122"])
    replicaSetName: str = Field("", examples=["foo"])
    gpuCount: Number = 0
    binds: list[BindBody] = []
    env: list[str] = []
    cmd: list[str] = []
    containerPorts: list[str] = Field([], examples=[["8888"]])

    def request(self) -> RunRequest:
        """Return the request in our words."""
        return RunRequest(
            self.imageName,
            self.replicaSetName,
            gpus=self.gpuCount,
            binds=[bind.value() for bind in self.binds],
            env=self.env,
            command=self.cmd,
            ports=self.containerPorts,
            **{option.name: getattr(self, option.key) for option in OPTIONS},
        )


class CommitBody(Body):
    """The name of the image to make, among those of the caller: the response has the full one."""

    newImageName: str = Field("", examples=["localhost/mine:1"])


class ExecuteBody(Body):
    """A program to run; `seconds` and `maxBytes`, which are ours, end it when it takes more."""

    workDir: str = "/"
    cmd: list[str] = Field([], examples=[["nvidia-smi"]])
    seconds: float = 60
    maxBytes: Number = 1 << 20

    def request(self, most: int) -> ExecuteRequest:
        """Return the request in our words, for `most` bytes of output."""
        return ExecuteRequest(self.cmd, self.workDir, self.seconds, most)


class TerminalBody(Body):
    """A terminal: its type, as TERM names it, and its size."""

    type: str = "xterm"
    rows: int = 24
    columns: int = 80


class AttachBody(Body):
    """The first message of a terminal's WebSocket: what to run; no `cmd` is a shell, no `terminal` none."""

    cmd: list[str] = Field([], max_length=10_000)
    workDir: str = ""
    terminal: TerminalBody | None = None

    def request(self) -> AttachRequest:
        """Return the request in our words."""
        found = self.terminal
        return AttachRequest(self.cmd, self.workDir, Terminal(found.type, found.rows, found.columns) if found else None)


class GpuPatch(Body):
    """How many GPUs it shall have."""

    gpuCount: Number = 0


class VolumePatch(Body):
    """A bind to put in place of another."""

    oldBind: BindBody = BindBody()
    newBind: BindBody = BindBody()


class PortPatch(Body):
    """All container ports it shall have; those it has keep their host ports."""

    containerPorts: list[str] = []


@with_patches
class PatchBody(Body):
    """What is to change; `{}` makes it anew as it is. CPU, memory and ports are ours."""

    gpuPatch: GpuPatch | None = None
    volumePatch: VolumePatch | None = None
    portPatch: PortPatch | None = None

    def request(self) -> PatchRequest:
        """Return the request in our words; raises Invalid for half a bind."""
        swaps = []
        if self.volumePatch is not None:
            swaps = [(self.volumePatch.oldBind.value(), self.volumePatch.newBind.value())]
            if not all(bind.src and bind.dest for bind in swaps[0]):
                raise Invalid("a bind needs src and dest", Code.BODY)
        patches = [(option, getattr(self, option.patch[0])) for option in OPTIONS]
        return PatchRequest(
            gpus=self.gpuPatch.gpuCount if self.gpuPatch else None,
            binds=swaps,
            ports=self.portPatch.containerPorts if self.portPatch else None,
            **{option.name: getattr(patch, option.patch[1]) for option, patch in patches if patch is not None},
        )


class RollbackBody(Body):
    """The version to return to."""

    version: Number = 0


class PruneBody(Body):
    """How many of the newest versions stay, 0 for what the service keeps; `dryRun` only shows what would be removed."""

    keep: Number = Field(0, examples=[5])
    dryRun: bool = False


class UpgradeBody(Body):
    """A newer image, "" for that of the same recipe with the newest date; `keep` decides what both changed.

    With `dryRun` it is only shown.
    """

    imageName: str = Field("", examples=["localhost/workbench-images:jupyter-minimal-bookworm-py311_2026a_20261122"])
    keep: Literal["", "mine", "image"] = Field("", examples=["mine"])
    dryRun: bool = False

    def request(self) -> UpgradeRequest:
        """Return the request in our words."""
        return UpgradeRequest(self.imageName, self.keep, self.dryRun)


class VolumeBody(Body):
    """A volume to create; no `size`, no limit."""

    name: str = Field("", examples=["bar"])
    size: str = Field("", examples=["20GB"])


class SizeBody(Body):
    """A volume's new size."""

    size: str = Field("", examples=["30GB"])
