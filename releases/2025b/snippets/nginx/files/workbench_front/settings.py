"""What the platform says by variables, and the IDE by flags."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~@+-]+)*")


class SettingsError(Exception):
    """A setting that cannot be used, said in words for the container's log."""


@dataclass(frozen=True)
class Settings:
    """Where the front listens, what it stands before, and which paths are no activity.

    `prefix` is empty or begins with a slash and ends without one. The server is at `server_port` on
    loopback; with `strip` it is asked for paths without the prefix. `health` is the server's own path
    that tells whether it answers, `heartbeats` are paths below the prefix that no person asks for.
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
    parser.add_argument("--strip-prefix", action="store_true", help="ask the server for paths without the prefix")
    parser.add_argument("command", nargs="+", help="what starts the IDE's server")
    flags = parser.parse_args(arguments)
    prefix = _prefix(environ.get("NB_PREFIX", ""))
    port = _number(environ, "WORKBENCH_PORT", 8888)
    server_port = _number(environ, "WORKBENCH_SERVER_PORT", 8787)

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
    )


def _prefix(text: str) -> str:
    prefix = text.strip().rstrip("/")
    if prefix and not prefix.startswith("/"):
        prefix = f"/{prefix}"
    # It goes into nginx's configuration, where a blank or a semicolon would end the word.
    if not _PREFIX.fullmatch(prefix) or "/../" in f"{prefix}/" or "/./" in f"{prefix}/":
        raise SettingsError(f"NB_PREFIX is {text!r}, and a path such as /notebook/team/name is needed")
    return prefix


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "") or str(default)
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise SettingsError(f"{name} is {text!r}, and a whole number above 0 is needed")
    return int(text)
