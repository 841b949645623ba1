"""Logins of registries: those that `podman login` stores, and the tokens that registries issue for them."""

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
    """Yield the files that podman and docker store logins in, in the order in which podman reads them."""
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield named
        return
    home = os.path.expanduser("~")
    yield f"{environment.get('XDG_RUNTIME_DIR') or f'/run/containers/{os.getuid()}'}/containers/auth.json"
    yield f"/run/containers/{os.getuid()}/auth.json"
    yield f"{environment.get('XDG_CONFIG_HOME') or f'{home}/.config'}/containers/auth.json"
    yield f"{home}/.docker/config.json"


def stored_login(host: str, name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the stored login for a repository as HTTP's basic authentication encodes it; "" when there is none.

    The longest matching name wins, as with podman: host/team/images, host/team, host.
    """
    parts = f"{host}/{name}".split("/")
    names = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
    for file in auth_files(environment):
        try:
            with open(file, encoding="utf-8") as source:
                logins = json.load(source).get("auths", {})
        except (OSError, ValueError, AttributeError):
            continue
        for key in names:
            if isinstance(logins.get(key), dict) and (login := logins[key].get("auth")):
                return str(login)
    return ""


def authorization(challenge: str, login: str, client: httpx.Client) -> str:
    """Return the Authorization header that answers a registry's `challenge`, "" when there is none.

    A token is fetched from the realm that the challenge names; the `login` is sent there only over TLS or on loopback.
    """
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "basic":
        return f"Basic {login}" if login else ""
    parameters = dict(_PARAMETER.findall(rest))
    realm = parameters.pop("realm", "")
    address = urlsplit(realm)
    if kind.lower() != "bearer" or not (address.scheme == "https" or address.hostname in _LOOPBACK):
        return ""
    query = {name: parameters[name] for name in ("service", "scope") if name in parameters}
    response = client.get(realm, params=query, headers={"Authorization": f"Basic {login}"} if login else {})
    if response.status_code != 200:
        return ""
    tokens = response.json()
    token = tokens.get("token") or tokens.get("access_token")
    return f"Bearer {token}" if token else ""
