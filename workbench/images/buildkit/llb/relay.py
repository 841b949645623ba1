"""Programs that reach a BuildKit in a container, in a pod or behind SSH: they run `buildctl dial-stdio` there."""

from __future__ import annotations

import functools
import re
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from workbench.errors import UsageError
from workbench.images.buildkit.llb.failures import NoSocketError

# Names of containers, pods, hosts and users; and of contexts (`kind-a`, `user@cluster:6443/eu`). No dash comes first.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CONTEXT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@-]*")
_PATH = re.compile(r"/[A-Za-z0-9_./-]+")
_PARAMETER = re.compile(r"\{(\w+)\}")
_END_SECONDS = 5.0


def schemes() -> tuple[str, ...]:
    """Return the schemes of addresses that a program reaches."""
    return tuple(_relays())


def command(text: str) -> tuple[str, ...]:
    """Return the program and its arguments that reach the address `text`; raises UsageError for what is none."""
    parts = urlsplit(text)
    relay = _relays()[parts.scheme]
    values = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in values.items():
        if name not in relay["parameters"]:
            known = ", ".join(relay["parameters"]) or "none"
            raise UsageError(f"{text!r}: {parts.scheme} has no parameter {name}", hint=f"it has {known}")
        if not _CONTEXT.fullmatch(value):
            raise UsageError(f"{text!r}: {value!r} is no {name}")
    over_ssh = parts.scheme == "ssh"
    values["name"] = (parts.hostname or "") if over_ssh else parts.netloc
    wrong = [] if _NAME.fullmatch(values["name"]) else [values["name"] or "an empty name"]
    if over_ssh:
        values |= {"user": parts.username or "", "port": str(parts.port or ""), "path": parts.path.rstrip("/")}
        wrong += [values["user"]] if values["user"] and not _NAME.fullmatch(values["user"]) else []
        wrong += [parts.path] if values["path"] and not _PATH.fullmatch(values["path"]) else []
        wrong += ["a password"] if parts.password else []
    elif parts.path not in ("", "/"):
        wrong.append(parts.path)
    if wrong or parts.fragment:
        form = "ssh://[USER@]HOST[:PORT][/PATH/OF/THE.sock]" if over_ssh else f"{parts.scheme}://NAME"
        raise UsageError(f"{text!r} is no address of a BuildKit", hint=f"write {form}")
    words = [(word, [values.get(each, "") for each in _PARAMETER.findall(word)]) for word in relay["command"]]
    return tuple(_PARAMETER.sub(lambda found: values[found[1]], word) for word, given in words if all(given))


class RelayConnection:
    """A connection that a program makes, used as a socket is. Raises NoSocketError when it cannot be started."""

    def __init__(self, argv: tuple[str, ...], address: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the connection is
        self._near, far = socket.socketpair()
        self._argv, self._address = argv, address
        end = far.fileno()
        try:
            # A Ctrl-C is for the build, which ends before its connection does.
            self._process = subprocess.Popen(argv, stdin=end, stdout=end, stderr=self._errors, start_new_session=True)
        except OSError as error:
            self._near.close()
            self._errors.close()
            reason = "is not installed" if isinstance(error, FileNotFoundError) else f"cannot be run: {error.strerror}"
            raise NoSocketError(f"{address} cannot be reached: {argv[0]} {reason}") from None
        finally:
            far.close()

    def recv(self, size: int, /) -> bytes:
        """Return what came, b"" at the end."""
        return self._near.recv(size)

    def sendall(self, data: bytes, /) -> None:
        """Send all of `data`."""
        self._near.sendall(data)

    def settimeout(self, seconds: float | None, /) -> None:
        """Limit how long the next calls may take."""
        self._near.settimeout(seconds)

    def shutdown(self, how: int, /) -> None:
        """End it, so that whoever waits for it wakes up."""
        self._near.shutdown(how)

    def close(self) -> None:
        """End the program, and give all of it back."""
        self._near.close()
        self._end()
        self._errors.close()

    def refused(self) -> NoSocketError:
        """Return why nothing came: what the program wrote last."""
        self._end()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), f"{self._argv[0]} wrote nothing")
        return NoSocketError(
            f"{self._address} cannot be reached: {last}",
            hint=f"try it by hand: `{' '.join(self._argv)}` must connect to a BuildKit",
        )

    def _end(self) -> None:
        # The end of its input ends it; ssh may wait for the other side.
        try:
            self._process.wait(_END_SECONDS if self._process.poll() is None else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@functools.cache
def _relays() -> Mapping[str, dict[str, Any]]:
    return tomllib.loads(resources.files(__package__).joinpath("relays.toml").read_text(encoding="utf-8"))
