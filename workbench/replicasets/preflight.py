"""Trying what sets will need, before there are any: with containers of a probe, whose every failure has a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from workbench.replicasets.engines.capabilities import (
    BindingFolders,
    LiveLimits,
    Pausing,
    Probing,
    SeparatingNetworks,
    require,
)
from workbench.replicasets.engines.disk_capabilities import CarryingDisks, RecordingDisks
from workbench.replicasets.engines.ports import is_free
from workbench.replicasets.engines.protocol import ContainerSpec, Engine
from workbench.replicasets.errors import EngineError, ReplicaSetError, Unsupported
from workbench.replicasets.settings import Settings
from workbench.replicasets.trials import label, trial_name
from workbench.replicasets.values import Port
from workbench.replicasets.world import wait

# Less than the probe writes to, and more than a container needs to begin.
_MEMORY = 32 << 20
# 128 + SIGKILL: how the kernel ends what writes to more memory than its cgroup may.
_KILLED = 137
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What was tried, and why it does not work; "" when it does. `essential` is what cannot be done without it."""

    what: str
    reason: str = ""
    essential: bool = True

    @property
    def line(self) -> str:
        """What is reported of it."""
        if not self.reason:
            return f"this engine can {self.what}"
        return f"this engine {'cannot' if self.essential else 'does not'} {self.what}: {self.reason}"


def preflight(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Yield what was tried and how it went; raises Unavailable when the engine does not answer.

    Nothing of it is left afterwards. Without starting containers nothing further is tried. An engine that has no
    program for trials is only checked.
    """
    probing = engine.capability(Probing)
    if probing is None:
        try:
            engine.check()
        except EngineError as error:
            yield Finding("be used", f"{error.message} ({error.hint})" if error.hint else error.message)
        else:
            yield Finding("be used")
        return
    trial = _Trial(engine, probing, settings, trial_name(settings.prefix))
    try:
        made = probing.make_probe(trial.image, trial.labels)
        if not made:
            yield Finding("try what sets need", "the probe does not run on this kind of processor")
            return
        for what, attempt in trial.attempts():
            finding = trial.tried(what, attempt)
            yield finding
            if finding.reason and what == "start containers":
                return
        carried = trial.tried("give disks to the next version as they are, sockets and holes too", trial.carried)
        yield replace(carried, essential=False)
        if settings.roots:
            yield replace(trial.tried("bind folders in those of --root", trial.bound), essential=False)
    except EngineError as error:
        yield Finding("import images", error.message)
    finally:
        with suppress(ReplicaSetError):
            require(engine, RecordingDisks).remove_image(trial.image)


@dataclass(frozen=True, slots=True)
class _Trial:
    engine: Engine
    probing: Probing
    settings: Settings
    name: str

    @property
    def image(self) -> str:
        return f"localhost/{self.name}:1"

    @property
    def labels(self) -> dict[str, str]:
        """By which what is left of it is found, should it be killed."""
        return {label(self.settings.prefix): self.name}

    def attempts(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "start containers", self._started
        yield "give containers a cgroup of their own", self._grouped
        yield "pause containers (a running set is patched, restarted and rolled back while it is frozen)", self._paused
        yield "record disks as images", self._recorded
        yield "enforce limits of memory and CPUs", self._limited
        yield "change limits while a set runs", self._changed
        yield f"publish ports on {self.settings.publish}", self._published
        yield "keep the networks of owners apart", self._separated

    def tried(self, what: str, attempt: Callable[[], object]) -> Finding:
        try:
            attempt()
        except (EngineError, Unsupported) as error:
            return Finding(what, error.message)
        finally:
            with suppress(ReplicaSetError):
                self.engine.remove(self.name)
        return Finding(what)

    def _started(
        self, *command: str, memory: int = 0, cpus: int = 0, ports: tuple[Port, ...] = (), network: str = ""
    ) -> None:
        self.engine.create(
            ContainerSpec(
                name=self.name,
                image=self.image,
                labels=self.labels,
                command=(self.probing.probe_command, *command),
                ports=ports,
                publish=self.settings.publish,
                network=network,
                memory=memory,
                cpus=cpus,
            )
        )
        self.engine.start(self.name)
        container = self.engine.container(self.name)
        if not command and (container is None or not container.is_alive):
            raise EngineError(f"a container ended at once with code {container.exit_code if container else '?'}")

    def _grouped(self) -> None:
        self._started()
        if self.probing.shares_cgroup(self.name):
            raise EngineError("containers run in the cgroup of the service: it cannot make others")

    def _paused(self) -> None:
        self._started()
        pausing = require(self.engine, Pausing)
        pausing.pause(self.name)
        pausing.unpause(self.name)

    def _recorded(self) -> None:
        self._started()
        self.engine.stop(self.name, 0)
        recording = require(self.engine, RecordingDisks)
        recording.commit(self.name, f"localhost/{self.name}:2")
        self.engine.remove(self.name)
        recording.remove_image(f"localhost/{self.name}:2")

    def carried(self) -> None:
        self._started()
        carrying = self.engine.capability(CarryingDisks)
        if self.settings.carry != "auto" or carrying is None or not carrying.can_carry(self.name):
            raise EngineError(
                "the service may not read where they are: they are recorded as images instead "
                "(see `Disks` in docs/replica-sets.md)"
            )

    def bound(self) -> None:
        binding, root = require(self.engine, BindingFolders), self.settings.roots[0]
        try:
            binding.attach_folder(self.name, root, root)
            if self.name not in binding.attached_folders():
                raise EngineError("the service may not mount them for containers: only a --root itself can be bound")
        finally:
            binding.detach_folder(self.name)

    def _separated(self) -> None:
        separating = require(self.engine, SeparatingNetworks)
        separating.create_network(self.name, self.labels)
        try:
            self._started(network=self.name)
        finally:
            self.engine.remove(self.name)
            separating.remove_network(self.name)

    def _limited(self) -> None:
        self._started("more", memory=_MEMORY, cpus=500)
        for _ in range(int(_SECONDS / 0.1)):
            container = self.engine.container(self.name)
            if container is None or not container.is_alive:
                break
            wait(0.1)
        if container is None or container.exit_code != _KILLED:
            code = container.exit_code if container else "?"
            raise EngineError(f"a program that uses more memory than its limit was not ended (code {code})")

    def _changed(self) -> None:
        self._started(memory=_MEMORY, cpus=500)
        require(self.engine, LiveLimits).set_limits(self.name, 250, 2 * _MEMORY)

    def _published(self) -> None:
        settings = self.settings
        free = (port for port in range(settings.first_port, settings.last_port + 1) if is_free(settings.publish, port))
        if (port := next(free, 0)) == 0:
            raise EngineError(f"none of the ports {settings.first_port}-{settings.last_port} is free")
        self._started(ports=(Port(80, port),))
