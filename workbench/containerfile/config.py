"""The config of an image while it is planned: what each instruction does to it."""

from __future__ import annotations

import copy
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import WorkbenchError

# What both builders give an image that stands on nothing, and any image that has no PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")
_PORT = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?(?:/(?P<protocol>tcp|udp|sctp))?", re.IGNORECASE)
# What is true of one image only: its ids, and which of its layers is which step.
_OWN = ("id", "container", "moby.buildkit.cache.v0")


class Config:
    """The `config` of an OCI image. It begins as a copy of the one of the image below."""

    def __init__(self, image: Mapping[str, Any]) -> None:
        """Begin with the whole image configuration `image`, as a registry has it; empty for nothing below."""
        self._image = {key: copy.deepcopy(value) for key, value in image.items() if key not in _OWN}
        self._config: dict[str, Any] = dict(self._image.get("config") or {})
        self.environment = dict(_pair(entry) for entry in self._config.get("Env") or ())
        if "PATH" not in self.environment:
            self.environment["PATH"] = DEFAULT_PATH
        # Whether this stage has set a command itself: an entrypoint takes back a command that was inherited.
        self._own_command = False

    @property
    def user(self) -> str:
        """The user that commands run as, "" for root."""
        return str(self._config.get("User") or "")

    @user.setter
    def user(self, value: str) -> None:
        self._config["User"] = value

    @property
    def folder(self) -> str:
        """The folder that commands run in, and that relative paths begin at, without `..` and a / at its end.

        In the image it stands as it was written, as podman and BuildKit have it.
        """
        return "/" + posixpath.normpath(str(self._config.get("WorkingDir") or "/")).lstrip("/")

    @folder.setter
    def folder(self, value: str) -> None:
        self._config["WorkingDir"] = value

    @property
    def shell(self) -> tuple[str, ...]:
        """What a command that is not in JSON form is given to."""
        return tuple(self._config.get("Shell") or DEFAULT_SHELL)

    @shell.setter
    def shell(self, words: Sequence[str]) -> None:
        self._config["Shell"] = list(words)

    @property
    def author(self) -> str:
        """Who made the image."""
        return str(self._image.get("author") or "")

    @author.setter
    def author(self, value: str) -> None:
        self._image["author"] = value

    @property
    def triggers(self) -> list[str]:
        """The instructions that are for images on top of this one."""
        return list(self._config.get("OnBuild") or ())

    @triggers.setter
    def triggers(self, texts: Sequence[str]) -> None:
        self._config["OnBuild"] = list(texts)

    def absolute(self, path: str) -> str:
        """Return `path` seen from the folder, without `.` and `..`; a / at its end stays."""
        if not path:
            raise WorkbenchError("a path is empty")
        whole = posixpath.normpath(posixpath.join("/", self.folder, path))
        # Two slashes at the front stay two by POSIX; here they mean nothing.
        whole = "/" + whole.lstrip("/")
        return whole + "/" if whole != "/" and (path.endswith("/") or posixpath.basename(path) == ".") else whole

    def label(self, name: str, value: str) -> None:
        """Set a label."""
        self._map("Labels")[name] = value

    def expose(self, port: str) -> None:
        """Add a port such as 8888, 53/udp or 8000-8010; raises WorkbenchError when it is none."""
        match = _PORT.fullmatch(port)
        first, last = (int(match["first"]), int(match["last"] or match["first"])) if match else (0, 0)
        if match is None or not 0 < first <= last < 65536:
            raise WorkbenchError(f"{port!r} is no port", hint="write it as 8888, 53/udp or 8000-8010")
        for number in range(first, last + 1):
            self._map("ExposedPorts")[f"{number}/{(match['protocol'] or 'tcp').lower()}"] = {}

    def volume(self, path: str) -> None:
        """Declare a volume."""
        self._map("Volumes")[path] = {}

    def stop_signal(self, signal: str) -> None:
        """Set the signal that ends a container."""
        self._config["StopSignal"] = signal

    def health(self, check: Mapping[str, Any]) -> None:
        """Set the health check of a container."""
        self._config["Healthcheck"] = dict(check)

    def command(self, words: Sequence[str], *, plain: bool) -> None:
        """Set the command: in JSON form, or `plain` for the shell."""
        self._config["Cmd"] = self._words(words, plain)
        self._own_command = True

    def entrypoint(self, words: Sequence[str], *, plain: bool) -> None:
        """Set the entrypoint; a command that was inherited was for the one before, and goes."""
        self._config["Entrypoint"] = self._words(words, plain)
        if not self._own_command:
            self._config["Cmd"] = None

    def image(self) -> dict[str, Any]:
        """Return the whole image configuration, ready to be written; the layers' part is the exporter's."""
        config = {**self._config, "Env": [f"{name}={value}" for name, value in self.environment.items()]}
        kept = {key: value for key, value in config.items() if value not in (None, "", [], {}) or key == "Env"}
        return {**copy.deepcopy(self._image), "config": copy.deepcopy(kept)}

    def _words(self, words: Sequence[str], plain: bool) -> list[str]:
        return [*self.shell, *words] if plain and words else list(words)

    def _map(self, key: str) -> dict[str, Any]:
        values = self._config.get(key)
        if not isinstance(values, dict):
            values = self._config[key] = {}
        return values


def _pair(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition("=")
    return name, value
