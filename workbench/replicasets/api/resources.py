"""What the machine has and what of it is given out."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request

from workbench.replicasets.api.context import BEARER, RequestCaller, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.responses import (
    Amounts,
    CpusResponse,
    EngineResponse,
    Envelope,
    GpusResponse,
    ImagesResponse,
    ImageView,
    Lack,
    MemoryResponse,
    PortsResponse,
    PortUse,
    QuotaResponse,
    Share,
)
from workbench.replicasets.values import Caller, Claim

# Stands for a set that the caller does not see: with spaces it is no set's name.
HIDDEN = "another owner's set"
ROUTES = APIRouter(prefix="/resources", tags=["resources"], dependencies=[BEARER], responses=RESPONSES)


@ROUTES.get("/gpus")
def gpus(service: Service, caller: RequestCaller) -> Envelope[GpusResponse]:
    """Show which GPUs are free (0) and used (1)."""
    found = service.resources()
    holders = {name: _holder(claim, caller) for name, claim in found.of("gpu").items()}
    return Envelope(data=GpusResponse(gpus={name: int(name in holders) for name in found.gpus}, holders=holders))


@ROUTES.get("/ports")
def ports(service: Service, caller: RequestCaller) -> Envelope[PortsResponse]:
    """Show which ports of the host are given out."""
    found = service.resources()
    holders = {name.partition("-")[0]: _holder(claim, caller) for name, claim in found.of("port").items()}
    use = PortUse(
        StartPort=found.first_port,
        EndPort=found.last_port,
        AvailableCount=found.last_port - found.first_port + 1 - len(holders),
        UsedPortSet={name: {} for name in holders},
    )
    return Envelope(data=PortsResponse(ports=use, holders=holders))


@ROUTES.get("/cpus")
def cpus(service: Service) -> Envelope[CpusResponse]:
    """Show how many CPUs are given out as limits."""
    found = service.resources()
    return Envelope(data=CpusResponse(cpus=Share(total=found.cpus / 1000, used=found.cpus_used / 1000)))


@ROUTES.get("/memory")
def memory(service: Service) -> Envelope[MemoryResponse]:
    """Show how many bytes of memory are given out as limits."""
    found = service.resources()
    return Envelope(data=MemoryResponse(memory=Share(total=found.memory, used=found.memory_used)))


@ROUTES.get("/images")
def images(service: Service, caller: RequestCaller) -> Envelope[ImagesResponse]:
    """List the images that the caller may run a set of: its own, those of releases, and others that are everybody's."""
    found = [ImageView(name=each.name, owner=each.owner, released=each.released) for each in service.images(caller)]
    return Envelope(data=ImagesResponse(images=found))


@ROUTES.get("/quota")
def quota(service: Service, caller: RequestCaller) -> Envelope[QuotaResponse]:
    """Show what the caller may hold, and what it holds."""
    limits, used = Amounts(**asdict(caller.quota)), Amounts(**asdict(service.used(caller.name)))
    return Envelope(data=QuotaResponse(name=caller.name, role=caller.role.value, limits=limits, used=used))


@ROUTES.get("/engine")
def engine(request: Request, service: Service) -> Envelope[EngineResponse]:
    """Show what the engine cannot do, and why: what needs it is refused with the status 501."""
    found = service.engine_notes()
    cannot = [Lack(what=what, why=why) for what, why in found.cannot.items()]
    return Envelope(
        data=EngineResponse(cannot=cannot, afresh=found.afresh, workbenches=request.app.state.workbenches is not None)
    )


def _holder(claim: Claim, caller: Caller) -> str:
    return claim.set if caller.may_see(claim.owner) else HIDDEN
