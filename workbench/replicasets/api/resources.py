"""What the machine has and what of it is given out."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from workbench.replicasets.api.answers import Amounts, Answer, Cpus, Gpus, Memory, Ports, PortUse, QuotaView, Share
from workbench.replicasets.api.context import BEARER, Asking, Room
from workbench.replicasets.api.failures import RESPONSES

ROUTES = APIRouter(prefix="/resources", tags=["resources"], dependencies=[BEARER], responses=RESPONSES)


@ROUTES.get("/gpus")
def gpus(room: Room) -> Answer[Gpus]:
    """Show which GPUs are free (0) and used (1)."""
    found = room.resources()
    holders = {name: claim.set for name, claim in found.of("gpu").items()}
    return Answer(data=Gpus(gpus={name: int(name in holders) for name in found.gpus}, holders=holders))


@ROUTES.get("/ports")
def ports(room: Room) -> Answer[Ports]:
    """Show which ports of the host are given out."""
    found = room.resources()
    holders = {name.partition("-")[0]: claim.set for name, claim in found.of("port").items()}
    use = PortUse(
        StartPort=found.first_port,
        EndPort=found.last_port,
        AvailableCount=found.last_port - found.first_port + 1 - len(holders),
        UsedPortSet={name: {} for name in holders},
    )
    return Answer(data=Ports(ports=use, holders=holders))


@ROUTES.get("/cpus")
def cpus(room: Room) -> Answer[Cpus]:
    """Show how many CPUs are given out as limits."""
    found = room.resources()
    return Answer(data=Cpus(cpus=Share(total=found.cpus / 1000, used=found.cpus_used / 1000)))


@ROUTES.get("/memory")
def memory(room: Room) -> Answer[Memory]:
    """Show how many bytes of memory are given out as limits."""
    found = room.resources()
    return Answer(data=Memory(memory=Share(total=found.memory, used=found.memory_used)))


@ROUTES.get("/quota")
def quota(room: Room, asking: Asking) -> Answer[QuotaView]:
    """Show what the token that asks may hold, and what it holds."""
    token = asking.token
    limits, used = Amounts(**asdict(token.quota)), Amounts(**asdict(room.used(token.name)))
    return Answer(data=QuotaView(name=token.name, role=token.role.value, limits=limits, used=used))
