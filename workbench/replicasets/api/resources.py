"""What the machine has and what of it is given out."""

from __future__ import annotations

from fastapi import APIRouter

from workbench.replicasets.api.answers import Answer, Cpus, Gpus, Memory, Ports, PortUse, Share
from workbench.replicasets.api.context import BEARER, Room
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
