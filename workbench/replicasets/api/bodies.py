"""What clients send: the original's names, its tolerance (missing and null are zero, unknown is ignored), its types."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

# A number beyond this means nothing for a count of GPUs or a version.
Number = Annotated[int, Field(le=2**31 - 1)]


class Body(BaseModel):
    """A body. Types are exact: "1" is no number."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:  # noqa: ANN401
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class BindBody(Body):
    """A folder of the host or a volume (`src`) at `dest` inside."""

    src: str = ""
    dest: str = ""
    readOnly: bool = False


class RunBody(Body):
    """A set to run; `cpus` and `memory` are ours."""

    imageName: str = Field("", examples=["localhost/workbench-images:jupyter-minimal-bookworm-py311_2026a_20261122"])
    replicaSetName: str = Field("", examples=["foo"])
    gpuCount: Number = 0
    binds: list[BindBody] = []
    env: list[str] = []
    cmd: list[str] = []
    containerPorts: list[str] = Field([], examples=[["8888"]])
    cpus: float = 0
    memory: str = Field("", examples=["4GB"])


class CommitBody(Body):
    """The name of the image to make."""

    newImageName: str = Field("", examples=["localhost/mine:1"])


class ExecuteBody(Body):
    """A program to run; `seconds` and `maxBytes`, which are ours, end it when it takes more."""

    workDir: str = "/"
    cmd: list[str] = Field([], examples=[["nvidia-smi"]])
    seconds: float = 60
    maxBytes: Number = 1 << 20


class GpuPatch(Body):
    """How many GPUs it shall have."""

    gpuCount: Number = 0


class VolumePatch(Body):
    """A bind to put in place of another."""

    oldBind: BindBody = BindBody()
    newBind: BindBody = BindBody()


class CpuPatch(Body):
    """How many CPUs it may use; 0 for no limit."""

    cpuCount: float = 0


class MemoryPatch(Body):
    """How much memory it may use; "" for no limit."""

    memory: str = ""


class PortPatch(Body):
    """All container ports it shall have; those it has keep their host ports."""

    containerPorts: list[str] = []


class PatchBody(Body):
    """What is to change; `{}` makes it anew as it is. CPU, memory and ports are ours."""

    gpuPatch: GpuPatch | None = None
    volumePatch: VolumePatch | None = None
    cpuPatch: CpuPatch | None = None
    memoryPatch: MemoryPatch | None = None
    portPatch: PortPatch | None = None


class RollbackBody(Body):
    """The version to return to."""

    version: Number = 0


class PruneBody(Body):
    """How many of the newest versions stay, 0 for what the service keeps; `dryRun` only tells what would go."""

    keep: Number = Field(0, examples=[5])
    dryRun: bool = False


class VolumeBody(Body):
    """A volume to create; no `size`, no limit."""

    name: str = Field("", examples=["bar"])
    size: str = Field("", examples=["20GB"])


class SizeBody(Body):
    """A volume's new size."""

    size: str = Field("", examples=["30GB"])
