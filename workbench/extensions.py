"""Extensions of VS Code: their names, what a release pins of one, and the words by which a Containerfile has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# PUBLISHER.NAME, as VS Code's EXTENSION_IDENTIFIER_PATTERN has it (1.139, extensionManagement.ts).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\.[A-Za-z0-9][A-Za-z0-9-]*")
_WORD = re.compile(rf"(?P<name>{_NAME.pattern})@(?P<version>[^@=]+)(?:@(?P<platform>[^@=]+))?=sha256:(?P<sha256>\S+)")
_DIGEST = re.compile("[0-9a-f]{64}")
# The keys of a digest, and the platform of Open VSX that each is for: "" is one archive for all.
PLATFORMS = {"sha256": "", "sha256-amd64": "linux-x64", "sha256-arm64": "linux-arm64"}


@dataclass(frozen=True, slots=True)
class ExtensionArchive:
    """An archive of an extension, `platform` being "" where it is for all of them."""

    name: str
    version: str
    platform: str
    sha256: str

    def __str__(self) -> str:
        """Return it as a step of a Containerfile has it."""
        platform = f"@{self.platform}" if self.platform else ""
        return f"{self.name}@{self.version}{platform}=sha256:{self.sha256}"


def is_extension(text: str) -> bool:
    """Return whether `text` can be the name of an extension, such as ms-python.python."""
    return _NAME.fullmatch(text) is not None


def is_extension_version(text: str) -> bool:
    """Return whether `text` can be the version of an extension: x.y.z, with what a pre-release has behind it."""
    return re.fullmatch(r"\d+\.\d+\.\d+(?:[-+][A-Za-z0-9.-]+)?", text) is not None


def is_sha256(text: str) -> bool:
    """Return whether `text` is a SHA-256 as sha256sum prints it."""
    return _DIGEST.fullmatch(text) is not None


def archives(name: str, pins: Mapping[str, str]) -> tuple[ExtensionArchive, ...]:
    """Return the archives of the extension `name` that a release pins."""
    return tuple(
        ExtensionArchive(name, pins["version"], platform, pins[key])
        for key, platform in PLATFORMS.items()
        if key in pins
    )


def archives_in(command: str) -> Iterator[ExtensionArchive]:
    """Yield the archives that the words of a RUN name."""
    for word in command.split():
        if (match := _WORD.fullmatch(word)) and is_sha256(match["sha256"]):
            yield ExtensionArchive(match["name"], match["version"], match["platform"] or "", match["sha256"])
