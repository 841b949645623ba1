"""What endpoints ask of the application and of the request."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from workbench.replicasets.api.tokens import Role, Token, Tokens
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Actor, Quota

# For the document alone: the gate has looked at the token before.
BEARER = Security(HTTPBearer(auto_error=False, description="a token of the service"))


class Caller:
    """Who asks, and the notes that the audit log gets."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._tokens = cast(Tokens, request.app.state.tokens)
        self._room = cast(ReplicaSets, request.app.state.room)
        self.token = cast(Token, request.state.token)
        self.actor = Actor(self.token.name, self.token.role is Role.ADMIN)

    def note(self, **what: object) -> None:
        """Have the audit log say this of the request."""
        self._request.state.what = what

    def quota_for_volume(self, name: str) -> Quota | None:
        """Return the quota of whoever owns the volume `name`; None when there is no such volume."""
        try:
            return self._tokens.quota(self._room.volume(name).owner)
        except ReplicaSetError:
            return None

    def quota_for(self, name: str) -> Quota | None:
        """Return the quota of whoever owns the set `name`; None when there is no such set."""
        try:
            return self._tokens.quota(self._room.record(name)[0].owner)
        except ReplicaSetError:
            return None  # what is wrong with it, the operation itself says under its own code


async def _room(request: Request) -> ReplicaSets:
    return cast(ReplicaSets, request.app.state.room)


async def _caller(request: Request) -> Caller:
    return Caller(request)


Room = Annotated[ReplicaSets, Depends(_room)]
Asking = Annotated[Caller, Depends(_caller)]
