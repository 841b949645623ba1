"""Which names, paths, variables and sizes may reach the engine. Everything a client sends goes through here."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Sequence

from workbench.names import is_image
from workbench.replicasets import quantities
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Invalid
from workbench.replicasets.roots import is_below, without_links
from workbench.replicasets.values import Bind, Port

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,47}")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([^\x00]*)", re.DOTALL)
_PORT = re.compile(r"([1-9][0-9]{0,4})(?:/(tcp|udp))?")
_LONGEST_TEXT = 32 << 10
_MOST = 256
# Read by runtimes and hooks of GPU engines: they would give out GPUs past the reservations.
_HOOKED = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_REQUIRE_", "NVIDIA_MIG_")
_OWN = "CONTAINER_VERSION"
_SYSTEM = ("/proc", "/sys", "/dev", "/run/.containerenv")


def set_name(text: str) -> str:
    """Return `text` when it may name a set; raises Invalid with the codes 1002 and 1003 otherwise."""
    if not text:
        raise Invalid("the name of the set is empty", Code.NAME_EMPTY)
    if "-" in text:
        raise Invalid(f"{text!r} has a dash", Code.NAME_DASH, hint="a dash divides a set's name from its version")
    if not _NAME.fullmatch(text):
        raise Invalid(
            f"{text[:60]!r} cannot name a set", hint="letters, digits, _ and ., at most 48, a letter or digit first"
        )
    return text


def volume_name(text: str) -> str:
    """Return `text` when it may name a volume; raises Invalid with the codes 1024, 1031 and 1032 otherwise."""
    if not text:
        raise Invalid("the name of the volume is empty", Code.VOLUME_NAME_EMPTY)
    if text.startswith("/"):
        raise Invalid(f"{text[:60]!r} begins with a slash", Code.VOLUME_SLASH)
    if "-" in text:
        raise Invalid(
            f"{text[:60]!r} has a dash", Code.VOLUME_DASH, hint="a dash divides a volume's name from its version"
        )
    if not _NAME.fullmatch(text):
        raise Invalid(f"{text[:60]!r} cannot name a volume", hint="letters, digits, _ and ., at most 48")
    return text


def image(text: str) -> str:
    """Return `text` when it is an image reference; raises Invalid with the code 1001 for an empty one."""
    if not text:
        raise Invalid("the name of the image is empty", Code.IMAGE_EMPTY)
    if len(text) > 512 or not is_image(text):
        raise Invalid(f"{text[:60]!r} is not an image name")
    return text


def variables(env: Sequence[str]) -> tuple[str, ...]:
    """Return NAME=VALUE texts, each checked; raises Invalid for what is none, or would hand out GPUs."""
    _few(env, "variables")
    for text in env:
        match = _VARIABLE.fullmatch(_text(text, "variable"))
        if match is None:
            raise Invalid(f"{text[:60]!r} is not a variable", hint="write NAME=VALUE")
        if match[1] == _OWN or match[1].startswith(_HOOKED):
            raise Invalid(f"{match[1]} is reserved", hint="GPUs are given by their number")
    return tuple(env)


def command(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command, each checked; raises Invalid."""
    _few(words, "words")
    return tuple(_text(word, "word of the command") for word in words)


def container_ports(texts: Sequence[str]) -> tuple[Port, ...]:
    """Return the ports that `80` or `53/udp` stand for, without host ports; raises Invalid."""
    _few(texts, "ports")
    found = []
    for text in texts:
        match = _PORT.fullmatch(text)
        if match is None or int(match[1]) > 65535:
            raise Invalid(f"{text[:60]!r} is not a port", hint="write 8888 or 53/udp")
        found.append(Port(int(match[1]), 0, match[2] or "tcp"))
    if len(set(found)) != len(found):
        raise Invalid("a port is listed twice")
    return tuple(found)


def grace(seconds: int | None) -> int | None:
    """Return how many seconds a main program has to end, None for its set's own; raises Invalid."""
    return None if seconds is None else quantities.grace(seconds)


def count(number: int) -> int:
    """Return a number of GPUs; raises Invalid with the code 1012 when it is negative."""
    if number < 0:
        raise Invalid("the number of GPUs is negative", Code.GPUS_NEGATIVE)
    return number


def binds(wanted: Iterable[Bind], roots: Sequence[str]) -> tuple[Bind, ...]:
    """Return the binds with their host folders resolved (links too), each below one of `roots`, which have no links.

    Only that is bound in the end which is found without a link: see folders.py.
    Raises Invalid for anything else: no root, no such folder, a destination that hides the system.
    """
    found = tuple(_bind(bind, roots) for bind in wanted)
    _few(found, "binds")
    inside = [bind.dest for bind in found]
    if len(set(inside)) != len(inside):
        raise Invalid("two binds have the same destination")
    return found


def destination(text: str) -> str:
    """Return where something is mounted inside: an absolute path that is not the system's; raises Invalid."""
    path = _text(text, "destination")
    plain = path.rstrip("/")
    if not path.startswith("/") or not plain or os.path.normpath(path) != plain or re.search(r"[:,\\\s]", path):
        raise Invalid(
            f"{path[:60]!r} is not a destination", hint="an absolute path, without .., colons, commas, spaces"
        )
    if plain in _SYSTEM or plain.startswith(tuple(f"{each}/" for each in _SYSTEM)):
        raise Invalid(f"nothing may be mounted at {plain[:60]}")
    return plain


def _bind(bind: Bind, roots: Sequence[str]) -> Bind:
    dest = destination(bind.dest)
    if bind.is_volume:
        return Bind(volume_name(bind.src.partition("-")[0]), dest, bind.read_only, bind.given or bind.src)
    source = without_links(_text(bind.src, "source"))
    if re.search(r"[:,\\\x00-\x1f]", source):
        raise Invalid(f"{bind.src[:60]!r} cannot be bound", hint="no colons, commas, control characters")
    if not any(is_below(source, root) for root in roots):
        where = ", ".join(roots) if roots else "none is"
        raise Invalid(f"{bind.src[:60]} is not below an allowed folder", hint=f"allowed: {where}")
    if not os.path.isdir(source):
        raise Invalid(f"there is no folder {bind.src[:60]}")
    return Bind(source, dest, bind.read_only, bind.given or bind.src)


def _text(text: str, what: str) -> str:
    if "\x00" in text or len(text) > _LONGEST_TEXT or (not text.isprintable() and what in ("source", "destination")):
        raise Invalid(f"a {what} is too long or holds a NUL or control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid(f"a {what} is not Unicode text") from None
    return text


def _few(many: Sequence[object], what: str) -> None:
    if len(many) > _MOST:
        raise Invalid(f"{len(many)} {what} are too many", hint=f"at most {_MOST}")
