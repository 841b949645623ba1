"""What COPY and ADD copy: their sources as paths in the folder, and the patterns in them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from workbench.containerfile.heredocs import heredoc_word
from workbench.containerfile.parser import Instruction
from workbench.containerfile.remote import is_address
from workbench.containerfile.scope import Scope
from workbench.containerfile.stages import Origin, Stage, origin_of, scopes
from workbench.errors import WorkbenchError

_WILDCARDS = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class CopySources:
    """What one COPY or ADD copies besides its heredocs: its line, where from, the paths there, variables replaced.

    `unknown` are sources with a variable that only an image has, which has not been read.
    """

    line: int
    word: str
    origin: Origin
    paths: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def in_folder(self) -> tuple[str, ...]:
        """The paths that the folder beside the Containerfile must have; addresses are none."""
        if not self.origin.is_context:
            return ()
        return tuple(path for path in self.paths if not is_address(path))


def check_mounts(item: Instruction, scope: Scope, above: Sequence[Stage]) -> None:
    """Check what the `--mount`s of a RUN are taken from where `scope` and the stages `above` its own are known.

    Raises WorkbenchError for words that cannot be read, and for `from=` a stage that is not above.
    """
    mounts = (flag.removeprefix("--mount=") for flag in item.flags if flag.startswith("--mount="))
    for key, _, value in (option.partition("=") for mount in mounts for option in mount.split(",")):
        if key.strip().lower() == "from":
            where = scope.expansion(value)
            if not where.unknown:
                origin_of(where.text, above, f"{item.word} --mount=…,from={where.text}", numbers=False)


def sources_of(item: Instruction, scope: Scope, above: Sequence[Stage]) -> CopySources:
    """Return what a COPY or ADD copies that stands where `scope` and the stages `above` its own are known.

    Raises WorkbenchError for words that cannot be read, and for `--from` a stage that is not above: the
    instruction's own, a later one or none at all.
    """
    named = next((flag.partition("=")[2] for flag in item.flags if flag.startswith("--from=")), None)
    origin = Origin()
    if named is not None:
        where = scope.expansion(named)
        origin = (
            Origin(image=named) if where.unknown else origin_of(where.text, above, f"{item.word} --from={where.text}")
        )
    paths, unknown = [], []
    for source in item.args[:-1]:
        if heredoc_word(source) is not None:
            continue
        path = scope.expansion(source)
        if path.unknown:
            unknown.append(source)
        else:
            paths.append(path.text)
    return CopySources(item.line, item.word, origin, tuple(paths), tuple(unknown))


def copy_sources(stages: Sequence[Stage]) -> Iterator[CopySources]:
    """Yield what each COPY and ADD of the stages copies; raises WorkbenchError, with the line, as `sources_of` does."""
    for stage, item, scope in scopes(stages):
        if item.word in ("COPY", "ADD"):
            try:
                yield sources_of(item, scope, stages[: stage.number])
            except WorkbenchError as error:
                raise WorkbenchError(error.message, hint=error.hint, where=str(item.line)) from None


def inside(source: str) -> str:
    """Return a source of COPY as a path from the folder on: above that there is nothing, and `..` is itself there.

    So it is with BuildKit 0.32 and podman 4.3; a Dockerfile below the folder is written with `..` by many.
    """
    depth, parts = 0, list[str]()
    for part in source.split("/"):
        if part in ("", ".") or (part == ".." and depth == 0):
            continue
        depth += -1 if part == ".." else 1
        parts.append(part)
    return "/".join(parts)


def is_pattern(path: str) -> bool:
    """Return whether `path` has characters that stand for others."""
    return _WILDCARDS.search(path) is not None


def matches(paths: Collection[str], path: str) -> bool:
    """Return whether one of the files at `paths`, or a folder that they are in, is or matches `path`.

    Raises WorkbenchError when `path` is no pattern.
    """
    wanted = posixpath.normpath(inside(path) or ".")
    if wanted == "." or any(each == wanted or each.startswith(f"{wanted}/") for each in paths):
        return True
    if not is_pattern(wanted):
        return False
    parts = [pattern(part) for part in wanted.split("/")]
    return any(
        len(names) >= len(parts) and all(part.fullmatch(name) for part, name in zip(parts, names, strict=False))
        for names in (each.split("/") for each in paths)
    )


def pattern(text: str) -> re.Pattern[str]:
    """Return what one part of a path matches, as Go's filepath.Match has it; raises WorkbenchError if it is none."""
    made, at = "", 0
    while at < len(text):
        character = text[at]
        if character == "*":
            made += "[^/]*"
        elif character == "?":
            made += "[^/]"
        elif character == "\\" and at + 1 < len(text):
            at += 1
            made += re.escape(text[at])
        elif character == "[":
            end = text.find("]", at + 2)
            listed = text[at + 1 : end]
            if end < 0:
                raise WorkbenchError(f"{text!r} is no pattern: a [ is not closed")
            negated = "^" if listed.startswith("^") else ""
            made += f"[{negated}{_members(listed.removeprefix('^'))}]"
            at = end
        else:
            made += re.escape(character)
        at += 1
    try:
        return re.compile(made, re.DOTALL)
    except re.error:
        raise WorkbenchError(f"{text!r} is no pattern") from None


def _members(listed: str) -> str:
    """Return characters and ranges of a list as `re` takes them, with nothing in it that `re` means otherwise."""
    made, at = "", 0
    while at < len(listed):
        made += re.escape(listed[at])
        if listed[at + 1 : at + 2] == "-" and at + 2 < len(listed):
            made += f"-{re.escape(listed[at + 2])}"
            at += 2
        at += 1
    return made
