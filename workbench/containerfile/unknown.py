"""What an older podman does not know and cannot be brought to: refused before the first step, with what can do it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from workbench.containerfile.flags import permissions
from workbench.containerfile.parser import Instruction, instructions
from workbench.containerfile.remote import is_address, is_git
from workbench.errors import WorkbenchError

# A secret and an agent have targets of their own.
_TARGET = re.compile(r",\s*(?:(?:target|dst|destination)\s*=|type=(?:secret|ssh)\b)", re.IGNORECASE)
_TABLE = Path(__file__).with_name("podman.toml")


def beyond_podman_4(text: str) -> Iterator[tuple[int, str]]:
    """Yield `(line, message)` for what podman 4 cannot build of a Containerfile, with what can.

    Raises WorkbenchError for a text that cannot be read.
    """
    for item in instructions(text):
        try:
            check_known(item, (4,))
        except WorkbenchError as error:
            yield item.line, f"{error.message}: {error.hint}"


def check_known(item: Instruction, version: Sequence[int]) -> None:
    """Raise WorkbenchError for an instruction that a podman of this `version` does not know."""
    table = _table()
    instead = table["instead"]
    if list(version) >= table["since"]:
        return
    if item.word == "ONBUILD" and "\n" in item.original:
        raise WorkbenchError(f"podman {_shown(version)} knows no heredoc behind ONBUILD", hint=instead)
    for source in item.args[:-1] if item.word == "ADD" else ():
        if is_address(source) and is_git(source):
            raise WorkbenchError(f"podman {_shown(version)} adds no files of git ({source})", hint=instead)
    for flag in item.flags:
        name, _, value = flag.partition("=")
        if name in table["flags"].get(item.word, ()):
            raise WorkbenchError(f"podman {_shown(version)} knows no {item.word} {name}", hint=instead)
        if name == "--chmod" and "$" not in value and isinstance(permissions(value), str):
            raise WorkbenchError(
                f"podman {_shown(version)} knows no {item.word} {flag}: it takes numbers",
                hint=f"write 0755, or {instead}",
            )
        if item.word == "RUN" and name == "--mount" and "type=secret" in value and "env=" in value:
            raise WorkbenchError(f"podman {_shown(version)} knows no secret as a variable (env=)", hint=instead)
        if item.word == "RUN" and name == "--mount" and not _TARGET.search(f",{value}"):
            raise WorkbenchError(
                f"podman {_shown(version)} mounts nothing without a target ({flag})",
                hint=f"write target=., or {instead}",
            )


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def _shown(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
