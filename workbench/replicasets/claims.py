"""The GPUs, ports, CPUs and memory that sets hold. All claims change under one ledger: each change sees them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from workbench.replicasets.codec import decode, encode
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Exhausted, GpusBusy, about
from workbench.replicasets.quantities import size_text
from workbench.replicasets.stores.protocol import Changes, StateStore
from workbench.replicasets.values import Claim, Port, Quota, Version

CLAIMS = "claims/"
LEDGER = "claims/ledger"


@dataclass(frozen=True, slots=True)
class Ledger:
    """All claims, as of one revision of the ledger."""

    claims: tuple[Claim, ...]
    revision: int

    def of(self, kind: str) -> dict[str, Claim]:
        """Return the claims of one kind by their names."""
        return {claim.name: claim for claim in self.claims if claim.kind == kind}

    def changes(self, new: Iterable[Claim]) -> Changes:
        """Return the changes that make `new` all the claims there are, if nobody changed any meanwhile."""
        wanted = {_key(claim): claim for claim in new}
        before = {_key(claim): claim for claim in self.claims}
        puts = {key: encode(claim) for key, claim in wanted.items() if before.get(key) != claim}
        deletes = frozenset(before.keys() - wanted.keys())
        if not puts and not deletes:
            return Changes()
        return Changes({LEDGER: self.revision}, {**puts, LEDGER: ""}, deletes)


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to give: GPU ids in order, ports and whether one is free, CPUs (thousandths), memory.

    `ports` None: no ports of a host lead to sets. `cpus`, `memory` None: how much there is is not ours to know.
    `kept` returns how many of the free GPUs are not for a set (its name, owner and GPUs): others wait for them.
    """

    gpus: tuple[str, ...]
    ports: range | None
    is_free: Callable[[int, str], bool]
    cpus: int | None
    memory: int | None
    kept: Callable[[str, str, int, Ledger], int] = lambda name, owner, gpus, ledger: 0


def read_ledger(store: StateStore) -> Ledger:
    """Return all claims as of one moment."""
    entries = dict(store.list(CLAIMS))
    entry = entries.pop(LEDGER, None)
    claims = tuple(decode(Claim, each.value) for each in entries.values())
    return Ledger(claims, entry.revision if entry else 0)


def claim(ledger: Ledger, machine: Machine, version: Version, gpus: int, quota: Quota) -> tuple[Version, Changes]:
    """Return `version` with its GPUs and host ports filled in, and the changes that claim them all, or none.

    What the set holds already is kept: GPUs as far as the count goes, ports by their number. Raises
    Exhausted that says how many are free.
    """
    claims = {_key(each): each for each in ledger.claims}
    mine = [each for each in ledger.claims if each.id == version.id]

    def add(kind: str, name: str, cpus: int = 0, memory: int = 0) -> None:
        fresh = Claim(kind, name, version.set, version.id, (version.number,), version.owner, cpus, memory)
        before = claims.get(_key(fresh))
        claims[_key(fresh)] = replace(before, versions=(*before.versions, version.number)) if before else fresh

    taken = ledger.of("gpu")
    own = [gpu for gpu in machine.gpus if gpu in taken and taken[gpu].id == version.id]
    free = [gpu for gpu in machine.gpus if gpu not in taken]
    # Those it had last come first: a stopped set gets its own again while nobody else took them.
    chosen = (own + sorted(free, key=lambda gpu: gpu not in version.gpus))[:gpus]
    kept = machine.kept(version.set, version.owner, gpus, ledger) if len(chosen) > len(own) else 0
    if len(own) + max(len(free) - kept, 0) < gpus:
        raise _too_few(gpus, len(own) + max(len(free) - kept, 0), len(machine.gpus), bool(kept))
    for gpu in chosen:
        add("gpu", gpu)
    ports = _ports(ledger, machine, version)
    for port in ports:
        if port.host:
            add("port", f"{port.host}-{port.protocol}")
    add("share", f"{version.id}-{version.number}", version.cpus, version.memory)
    if not any(each.kind == "set" for each in mine):
        add("set", version.set)
    _fits(tuple(claims.values()), machine, version)
    _within(tuple(claims.values()), version, quota)
    return replace(version, gpus=tuple(chosen), ports=ports), ledger.changes(claims.values())


def keep_version(ledger: Ledger, set_id: str, number: int) -> Changes:
    """Return the changes after which the set holds what its version `number` holds, and nothing else of it."""

    def kept(each: Claim) -> Claim | None:
        if each.id != set_id or each.kind == "set":
            return each
        return replace(each, versions=(number,)) if number in each.versions else None

    return ledger.changes(new for each in ledger.claims if (new := kept(each)) is not None)


def release_version(ledger: Ledger, set_id: str, number: int) -> Changes:
    """Return the changes that take version `number` from every claim of the set; what nobody holds is free."""

    def kept(each: Claim) -> Claim | None:
        if each.id != set_id or number not in each.versions:
            return each
        rest = tuple(other for other in each.versions if other != number)
        return replace(each, versions=rest) if rest else None

    return ledger.changes(new for each in ledger.claims if (new := kept(each)) is not None)


def share(
    ledger: Ledger,
    version: Version,
    machine: Machine | None = None,
    quota: Quota = Quota(),  # noqa: B008  frozen
    besides: Version | None = None,
) -> Changes:
    """Return the changes that make the share of a version what it says, or the more of it and `besides`.

    With `machine` it must fit in; raises Exhausted otherwise.
    """
    name = f"{version.id}-{version.number}"
    cpus = max(version.cpus, besides.cpus if besides else 0)
    memory = max(version.memory, besides.memory if besides else 0)
    own = Claim("share", name, version.set, version.id, (version.number,), version.owner, cpus, memory)
    claims = (*(each for each in ledger.claims if _key(each) != _key(own)), own)
    if machine is not None:
        _fits(claims, machine, version)
        _within(claims, version, quota)
    return ledger.changes(claims)


def keep_ports(ledger: Ledger, set_id: str) -> Changes:
    """Return the changes after which a stopped set holds its name and its ports only."""
    return ledger.changes(each for each in ledger.claims if each.id != set_id or each.kind in ("set", "port"))


def release_all(ledger: Ledger, set_id: str) -> Changes:
    """Return the changes after which the set holds nothing. Doing it twice is no harm (fault B6)."""
    return ledger.changes(each for each in ledger.claims if each.id != set_id)


def used(claims: Iterable[Claim]) -> tuple[int, int]:
    """Return the CPUs and the memory given out: of a set that is being replaced, the larger of its two shares."""
    most: dict[str, tuple[int, int]] = {}
    for each in claims:
        if each.kind == "share":
            cpus, memory = most.get(each.id, (0, 0))
            most[each.id] = (max(cpus, each.cpus), max(memory, each.memory))
    return sum(cpus for cpus, _ in most.values()), sum(memory for _, memory in most.values())


def check_quota(what: str, have: int, most: int | None, *, bytes_: bool = False) -> None:
    """Raise Exhausted when that would be more than a quota allows."""
    if most is not None and have > most:
        shown = [size_text(number) or "0" if bytes_ else str(number) for number in (have, most)]
        raise Exhausted(
            f"that would be {shown[0]} {what}, and you may have {shown[1]}", Code.QUOTA, hint="`rs quota` shows yours"
        )


def _too_few(gpus: int, available: int, total: int, kept: bool) -> GpusBusy:
    others = ": others wait for those that are free" if kept else ""
    message = f"{gpus} GPUs were requested, and {available} of {total} are available{others}"
    return GpusBusy(message, gpus if gpus <= total else 0)


def _key(claim: Claim) -> str:
    return f"{CLAIMS}{claim.kind}/{claim.name}"


def _ports(ledger: Ledger, machine: Machine, version: Version) -> tuple[Port, ...]:
    if machine.ports is None:
        return tuple(replace(port, host=0) for port in version.ports)
    taken = ledger.of("port")
    found: list[Port] = []
    given = set(taken) | {f"{port.host}-{port.protocol}" for port in version.ports if port.host}
    for port in version.ports:
        if port.host:
            owner = taken.get(f"{port.host}-{port.protocol}")
            if owner is not None and owner.id != version.id:
                whose = owner.set if owner.owner == version.owner else "another owner"
                raise Exhausted(f"port {port.host} of the machine is {whose}'s", Code.PORTS_TOO_FEW, field="ports")
            found.append(port)
            continue
        for number in machine.ports:
            name = f"{number}-{port.protocol}"
            if name not in given and machine.is_free(number, port.protocol):
                given.add(name)
                found.append(replace(port, host=number))
                break
        else:
            raise Exhausted(
                f"no port is free from {machine.ports.start} to {machine.ports.stop - 1}",
                Code.PORTS_TOO_FEW,
                field="ports",
            )
    return tuple(found)


def _fits(claims: tuple[Claim, ...], machine: Machine, version: Version) -> None:
    cpus, memory = used(claims)
    if version.cpus and machine.cpus is not None and cpus > machine.cpus:
        free = (machine.cpus - cpus + version.cpus) / 1000
        raise Exhausted(
            f"{version.cpus / 1000:g} CPUs were requested, and {max(free, 0):g} are free",
            Code.CPUS_TOO_FEW,
            field="cpus",
        )
    if version.memory and machine.memory is not None and memory > machine.memory:
        free_bytes = max(machine.memory - memory + version.memory, 0) >> 20 << 20
        raise Exhausted(
            f"{size_text(version.memory)} of memory were requested, and {size_text(free_bytes) or 0} are free",
            Code.MEMORY_TOO_LITTLE,
            field="memory",
        )


def _within(claims: tuple[Claim, ...], version: Version, quota: Quota) -> None:
    own = [each for each in claims if each.owner == version.owner]
    _, memory = used(own)
    check_quota("sets", sum(each.kind == "set" for each in own), quota.sets)
    with about("gpus"):
        check_quota("GPUs", sum(each.kind == "gpu" for each in own), quota.gpus)
    with about("memory"):
        check_quota("of memory", memory, quota.memory, bytes_=True)
        if quota.memory is not None and not version.memory:
            hint = "give memory, such as 4GB"
            raise Exhausted("a memory limit is needed: your memory is counted", Code.QUOTA, hint=hint)
