"""What the platform says by variables, and the IDE by flags."""

from __future__ import annotations

import argparse
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~@+-]+)*")
# What a header and an address can carry, and nobody guesses.
_TOKEN = re.compile(r"[!-~]{8,256}")
_HOST = re.compile(r"\*|\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_AUTH = ("token", "platform")


class SettingsError(Exception):
    """A setting that cannot be used, said in words for the container's log."""


@dataclass(frozen=True)
class Settings:
    """Where the front listens, what it stands before, and which paths are no activity.

    `prefix` is empty or begins with a slash and ends without one. The server is at `server_port` on
    loopback; with `strip` it is asked for paths without the prefix. `health` is the server's own path
    that tells whether it answers, `heartbeats` are paths below the prefix that no person asks for.
    Below `port_proxies`, paths of the server, it connects to the local port that comes next.

    Without `token` it is the platform that decides who gets in; `generated` tells that the token was made
    here, and is to be printed. `hosts` are names that the workbench is known by. `notes` are for the log.
    """

    name: str
    command: tuple[str, ...]
    prefix: str
    port: int
    server_port: int
    idle_seconds: float
    strip: bool
    health: str
    heartbeats: tuple[str, ...]
    port_proxies: tuple[str, ...]
    token: str
    generated: bool
    hosts: tuple[str, ...]
    notes: tuple[str, ...]


def settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings of flags and environment; raises SettingsError for what cannot be used.

    In the command and the health path, `{prefix}` and `{port}` stand for the prefix and the port
    that the server is to listen on.
    """
    parser = argparse.ArgumentParser(prog="workbench-front", description=__doc__)
    parser.add_argument("--name", required=True, help="name of the IDE, for the culler")
    parser.add_argument("--health", default="{prefix}/", help="path of the server that tells whether it answers")
    heartbeat = "path below the prefix that is no activity; * in it is any one part"
    parser.add_argument("--heartbeat", action="append", default=[], help=heartbeat)
    proxied = "path of the server below which it connects to local ports: a port's number must come next"
    parser.add_argument("--port-proxy", action="append", default=[], help=proxied)
    parser.add_argument("--strip-prefix", action="store_true", help="ask the server for paths without the prefix")
    parser.add_argument("command", nargs="+", help="what starts the IDE's server")
    flags = parser.parse_args(arguments)
    prefix = _prefix(environ.get("NB_PREFIX", ""))
    notes: list[str] = []
    port = _port(environ, "WORKBENCH_PORT", 8888, notes)
    server_port = _port(environ, "WORKBENCH_SERVER_PORT", 8787, notes)
    token, generated = _token(environ, prefix)

    def filled(text: str) -> str:
        return text.replace("{prefix}", prefix).replace("{port}", str(server_port))

    return Settings(
        name=flags.name,
        command=tuple(filled(word) for word in flags.command),
        prefix=prefix,
        port=port,
        server_port=server_port,
        idle_seconds=_number(environ, "WORKBENCH_IDLE_SECONDS", 600),
        strip=flags.strip_prefix,
        health=filled(flags.health),
        heartbeats=tuple(flags.heartbeat),
        port_proxies=tuple(flags.port_proxy),
        token=token,
        generated=generated,
        hosts=_hosts(environ.get("WORKBENCH_HOSTS", "")),
        notes=tuple(notes),
    )


def _token(environ: Mapping[str, str], prefix: str) -> tuple[str, bool]:
    """Return the token that opens the workbench, and whether it was made here; "" leaves that to the platform.

    A token that was given is always asked for; without one, a platform that sets NB_PREFIX stands before us.
    """
    auth = environ.get("WORKBENCH_AUTH", "")
    if auth and auth not in _AUTH:
        raise SettingsError(f"WORKBENCH_AUTH is {auth!r}, and one of {', '.join(_AUTH)} is needed")
    given = environ.get("WORKBENCH_TOKEN", "")
    if auth == "platform" or (not auth and not given and prefix):
        return "", False
    if given and not _TOKEN.fullmatch(given):
        raise SettingsError("WORKBENCH_TOKEN needs 8 to 256 characters of ASCII without blanks")
    return given or secrets.token_hex(24), not given


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(text.lower().replace(",", " ").split())
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SettingsError(f"WORKBENCH_HOSTS has {host!r}, and names such as lab.example.org are needed")
    return hosts


def _prefix(text: str) -> str:
    prefix = text.strip().rstrip("/")
    if prefix and not prefix.startswith("/"):
        prefix = f"/{prefix}"
    # It goes into nginx's configuration, where a blank or a semicolon would end the word.
    if not _PREFIX.fullmatch(prefix) or "/../" in f"{prefix}/" or "/./" in f"{prefix}/":
        raise SettingsError(f"NB_PREFIX is {text!r}, and a path such as /notebook/team/name is needed")
    return prefix


def _port(environ: Mapping[str, str], name: str, default: int, notes: list[str]) -> int:
    """Return the port in `name`; what is none is ignored.

    Kubernetes sets WORKBENCH_PORT=tcp://… in a namespace with a service of the name workbench (service links,
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
    """
    text = environ.get(name, "")
    if re.fullmatch(r"[1-9][0-9]{0,4}", text) and int(text) < 65536:
        return int(text)
    if text and "://" not in text:
        notes.append(f"{name} is {text!r}, which is no port, and {default} is used")
    return default


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "") or str(default)
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise SettingsError(f"{name} is {text!r}, and a whole number above 0 is needed")
    return int(text)
