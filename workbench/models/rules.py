"""Which values of a cog.yaml may reach a Containerfile, a shell or a path: each rule returns what is wrong, or ""."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from workbench.models.requirements import complaint_of
from workbench.names import is_image

_PYTHON = re.compile(r"3\.(?:0|[1-9][0-9]?)(?:\.(?:0|[1-9][0-9]?))?")
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,6}){0,3}")
_SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,127}(?:=[A-Za-z0-9.+:~-]{1,127})?")
_REFERENCE = re.compile(
    r"(?:\./)?(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*\.py:[A-Za-z_][A-Za-z0-9_]*"
)
_FILE = re.compile(r"(?:\./)?(?:[A-Za-z0-9_-][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.+-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TARGET = re.compile(r"(?:/[A-Za-z0-9_.-]+)+")
_WEIGHTS = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_TRACE = re.compile(r"[A-Za-z0-9!#%&'*+.^_|~-]{1,100}")
# What `sdk_version` says for the newest there is, releases to come among them.
NEWEST_SDK = "prerelease"
# What the image itself sets, and what would redirect Python or the loader.
_OURS = re.compile(r"PATH|PYTHONHOME|LD_LIBRARY_PATH|LD_PRELOAD|HOME|VIRTUAL_ENV|(?:COG|R8|MONOBASE)_.*")
# What a mount of a step may be where it stands in the command: nothing of it is the model's, nor a secret.
_KEPT = re.compile(r"type=(?:cache|tmpfs)(?:,(?:target|dst|id|sharing|mode|uid|gid)=[A-Za-z0-9_./-]+)+")
# Secrets, by their names: everyone can read the variables of an image in its configuration.
_SECRET = re.compile(r"(?i:.*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?))")


def python_version(text: str) -> str:
    """Return what is wrong with a Python version."""
    return "" if _PYTHON.fullmatch(text) else f"{text!r} is not a Python version: write it as 3.11"


def cuda(text: str) -> str:
    """Return what is wrong with a CUDA version."""
    return "" if _VERSION.fullmatch(text) and "." in text else f"{text!r} is not a CUDA version: write it as 12.4"


def cudnn(text: str) -> str:
    """Return what is wrong with a cuDNN version."""
    return "" if _VERSION.fullmatch(text) else f"{text!r} is not a cuDNN version: write it as 9"


def sdk_version(text: str) -> str:
    """Return what is wrong with the version of cog's server."""
    if text == NEWEST_SDK:
        return ""
    try:
        Version(text)
    except InvalidVersion:
        return f"{text!r} is not a version: write it as 0.18.0"
    return ""


def python_package(text: str) -> str:
    """Return what is wrong with a line of requirements: a package, an address, or where packages are looked for."""
    return complaint_of(text)


def system_package(text: str) -> str:
    """Return what is wrong with a package of the operating system."""
    return "" if _SYSTEM.fullmatch(text) else f"{text!r} is not a package name"


def reference(text: str) -> str:
    """Return what is wrong with a pointer to a class or function."""
    okay = _REFERENCE.fullmatch(text) and ".." not in text
    return "" if okay else f"{text!r} does not name a class or function: write it as predict.py:Predictor"


def file(text: str) -> str:
    """Return what is wrong with the name of a file beside cog.yaml."""
    return "" if _FILE.fullmatch(text) and ".." not in text else f"{text!r} is not a file below the model's folder"


def image(text: str) -> str:
    """Return what is wrong with an image's name."""
    okay = is_image(text) and "@" not in text
    return "" if okay else f"{text!r} is not an image name: write it as registry.example.com/team/model"


def repository(text: str) -> str:
    """Return what is wrong with the name of an image without tag and digest."""
    if not image(text) and ":" in text.rpartition("/")[2]:
        return f"{text!r} has a tag: `model` names a repository, and `image` an image"
    return image(text)


def weights_name(text: str) -> str:
    """Return what is wrong with the name of weights."""
    return "" if _WEIGHTS.fullmatch(text) else f"{text!r} is not a name of weights: small letters, digits, hyphens"


def weights_target(text: str) -> str:
    """Return what is wrong with the path at which a model expects weights."""
    okay = re.fullmatch(r"/?[A-Za-z0-9_.+/-]+", text) and ".." not in text.split("/")
    return "" if okay else f"{text!r} is not a path for weights: write it as /src/weights"


def trace(text: str) -> str:
    """Return what is wrong with a value of `observability.traces`."""
    return "" if _TRACE.fullmatch(text) else f"{text!r} cannot be a setting of traces"


def command(text: str) -> str:
    """Return what is wrong with a command of the build."""
    if not text.strip():
        return "a command is empty"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        return "a command has a character that no shell accepts"
    flags, rest = split_flags(text)
    if not rest:
        return "a command is empty"
    for flag in flags:
        name, _, value = flag.partition("=")
        if name != "--mount" or not _KEPT.fullmatch(value) or not re.search(r",(?:target|dst)=/", value):
            return (
                f"{flag} cannot stand before a command: a mount is --mount=type=cache,target=/…, a secret is in mounts"
            )
    return ""


def split_flags(text: str) -> tuple[tuple[str, ...], str]:
    """Return the flags that stand before a command, and the command itself.

    cog writes the whole behind RUN (`runCommands` of its `pkg/dockerfile/standard_generator.go`, seen 2026-11-30).
    """
    flags = []
    while match := re.match(r"\s*(--[a-z]+=\S+)(?:\s+|$)", text):
        flags.append(match[1])
        text = text[match.end() :]
    return tuple(flags), text


def variable(text: str) -> str:
    """Return what is wrong with `NAME=value`."""
    name, found, value = text.partition("=")
    if not found or not _VARIABLE.fullmatch(name):
        return f"{text!r} is not a variable: write it as NAME=value"
    if _OURS.fullmatch(name):
        return f"{name} is reserved: the image sets it or depends on it"
    if _SECRET.fullmatch(name):
        return (
            f"{name} would be in the image for everyone to read: pass it when the model is started, "
            "or mount a secret into a step of run"
        )
    # Some of what cannot be printed ends a line for one reader of a Containerfile and not for another.
    return "" if value.isprintable() else f"the value of {name} has a line break or the like"


def secret_id(text: str) -> str:
    """Return what is wrong with the id of a secret."""
    return "" if _ID.fullmatch(text) else f"{text!r} is not an id of a secret: letters, digits, dots and hyphens"


def target(text: str) -> str:
    """Return what is wrong with the path that a secret is mounted at."""
    okay = _TARGET.fullmatch(text) and ".." not in text.split("/")
    return "" if okay else f"{text!r} is not a path: write it as /run/secrets/name"
