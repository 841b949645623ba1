"""What an operator decides once, for all sets."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from workbench.replicasets.errors import Invalid
from workbench.replicasets.roots import outermost


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@dataclass(frozen=True, slots=True)
class Settings:
    """How replica sets are run.

    `engine` is an address that `open_engine` reads (podman: `unix:///run/podman/podman.sock`), `store` a file or
    `etcd://host:port`. `roots` are the folders below which may be bound, `first_port` to `last_port` the
    host's ports given out on the address `publish`. `gpu_kind` is the CDI kind, `cdi` the folders of
    its specs. `prefix` begins every label, image and volume of ours. `volumes` is where sized volumes
    lie, `mounts` where bound folders are mounted. `cpus` (thousandths) and `memory` (bytes) may be given
    out as limits. `carry` is "auto" or "commit": how a system disk gets to the next version. `depth` is
    how many layers an image may have before a commit squashes them. `watch_seconds` is how long a
    container is watched after its start: one that ends with an error by then was not started.
    `keep_versions` is how many versions a set keeps, the current one too; 0 for all. `disk` is how many
    bytes a version may have changed on its image when its disk is taken on or recorded; 0 for no limit.
    `reserved` are the repositories of images whose names nobody may give to an image of a set.
    `engine_log` is the engine's log: the reason for what it gives only an exit status for; "" for none.
    `stop_seconds` is the grace of a set that does not say. `backoff_seconds` is how long after its end a set
    is started again by its restart policy; each time twice as long. With `proxied` the service itself leads to the
    IDEs of sets, below `/s/NAME`.
    """

    engine: str = "unix:///run/podman/podman.sock"
    store: str = "/var/lib/workbench/replicasets.db"
    roots: tuple[str, ...] = ()
    first_port: int = 40000
    last_port: int = 65535
    publish: str = "127.0.0.1"
    gpu_kind: str = "nvidia.com/gpu"
    cdi: tuple[str, ...] = ("/etc/cdi", "/var/run/cdi")
    prefix: str = "workbench"
    volumes: str = "/var/lib/workbench/volumes"
    mounts: str = "/var/lib/workbench/mounts"
    reserved: tuple[str, ...] = ()
    cpus: int = field(default_factory=lambda: (os.cpu_count() or 1) * 1000)
    memory: int = field(default_factory=_memory)
    carry: str = "auto"
    depth: int = 100
    stop_seconds: int = 10
    wait_seconds: float = 60.0
    watch_seconds: float = 0.05
    keep_versions: int = 0
    backoff_seconds: float = 1.0
    disk: int = 0
    engine_log: str = ""
    proxied: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "roots", outermost(self.roots))
        if not 1 <= self.first_port <= self.last_port <= 65535:
            raise Invalid(f"{self.first_port}-{self.last_port} is not a range of ports")
        if self.keep_versions < 0:
            raise Invalid(f"{self.keep_versions} versions cannot be kept", hint="1 or more; 0 for all")
        if self.disk < 0:
            raise Invalid(f"a disk of {self.disk} bytes cannot be", hint="1 or more; 0 for no limit")
        if self.carry not in ("auto", "commit"):
            raise Invalid(f"{self.carry!r} is no way to carry a disk", hint="auto or commit")
        if not self.prefix.isascii() or not self.prefix.isalnum() or not self.prefix.islower():
            raise Invalid(f"{self.prefix!r} cannot be a prefix", hint="small letters and digits")
