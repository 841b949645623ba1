"""Handing a browser over to the IDE of a set: the endpoint that makes a ticket."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from workbench.replicasets.api.context import BEARER, AuditNote, RequestCaller, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.proxy.places import Place
from workbench.replicasets.api.proxy.serving import Workbenches
from workbench.replicasets.api.proxy.sessions import Grant
from workbench.replicasets.api.responses import Envelope
from workbench.replicasets.errors import Forbidden, Unsupported

ROUTES = APIRouter(prefix="/replicaSet", tags=["replica sets"], dependencies=[BEARER], responses=RESPONSES)


class SessionResponse(BaseModel):
    """Where a browser opens a set's IDE: at `url`, "" for `port` of the service's own host, below `path`.

    Behind `#ticket=` the address has the ticket, which counts once and for a minute.
    """

    url: str
    port: int
    path: str
    ticket: str


@ROUTES.post("/{name}/session")
def session(
    request: Request,
    name: str,
    service: Service,
    caller: RequestCaller,
    note: AuditNote,
    port: Annotated[int, Query(ge=0, le=65535, description="port inside; 0: its IDE's")] = 0,
) -> Envelope[SessionResponse]:
    """Return where a browser opens the set's IDE through the service, and a ticket: for its owner and administrators.

    The address is `url`, or else `port` of the service's own host, and `path`; behind `#ticket=` it has the ticket,
    which becomes a session of that browser, once and within a minute. 501 when the service leads to no sets.
    """
    note(operation="session", set=name[:60])
    workbenches = cast(Workbenches | None, request.app.state.workbenches)
    found = service.may_reach(name, caller)
    if workbenches is None:
        raise Unsupported("the service leads to no IDEs", hint="`serve --workbenches ADDRESS:PORT`")
    if found.owner != caller.name and not workbenches.site.is_split:
        raise Forbidden(
            f"{name} belongs to {found.owner or 'nobody'}: its pages could reach your own sets in the same browser",
            hint="`serve --workbenches-url 'https://*.example.org'` gives each set a host of its own",
        )
    place = Place(name, port)
    grant = Grant(caller.name, getattr(request.state, "proof", ""), place, found.id, found.owner)
    site = workbenches.site
    base = site.address(place).removesuffix(f"{place.path}/")
    return Envelope(
        data=SessionResponse(url=base, port=site.port, path=f"{place.path}/", ticket=workbenches.sessions.ticket(grant))
    )
