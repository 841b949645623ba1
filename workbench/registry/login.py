"""Who we are to a registry: what `podman login` keeps, and the tokens that registries hand out for it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def auth_files(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that podman and docker keep logins in, in the order in which podman reads them."""
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield named
        return
    home = os.path.expanduser("~")
    yield f"{environment.get('XDG_RUNTIME_DIR') or f'/run/containers/{os.getuid()}'}/containers/auth.json"
    yield f"/run/containers/{os.getuid()}/auth.json"
    yield f"{environment.get('XDG_CONFIG_HOME') or f'{home}/.config'}/containers/auth.json"
    yield f"{home}/.docker/config.json"


def basic(host: str, name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return what is kept for a repository, as HTTP's basic authentication writes it; "" for nothing.

    The longest name that fits wins, as with podman: host/team/images, host/team, host.
    """
    parts = f"{host}/{name}".split("/")
    wanted = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
    for file in auth_files(environment):
        try:
            with open(file, encoding="utf-8") as source:
                kept = json.load(source).get("auths", {})
        except (OSError, ValueError, AttributeError):
            continue
        for key in wanted:
            if isinstance(kept.get(key), dict) and (found := kept[key].get("auth")):
                return str(found)
    return ""


def answer_to(challenge: str, kept: str, client: httpx.Client) -> str:
    """Return the Authorization header that a registry's `challenge` asks for, "" when there is none to give.

    A token is fetched from where the challenge says, with what is `kept` only over TLS or on loopback.
    """
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "basic":
        return f"Basic {kept}" if kept else ""
    parameters = dict(_PARAMETER.findall(rest))
    realm = parameters.pop("realm", "")
    where = urlsplit(realm)
    if kind.lower() != "bearer" or not (where.scheme == "https" or where.hostname in _LOOPBACK):
        return ""
    wanted = {name: parameters[name] for name in ("service", "scope") if name in parameters}
    answer = client.get(realm, params=wanted, headers={"Authorization": f"Basic {kept}"} if kept else {})
    if answer.status_code != 200:
        return ""
    told = answer.json()
    token = told.get("token") or told.get("access_token")
    return f"Bearer {token}" if token else ""
