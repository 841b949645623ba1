"""Which steps download packages, and how what they download is kept for the next build."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from workbench.containerfile.build_plan import Run

# What begins another command in a shell, outside of quotes.
_BETWEEN = re.compile(r"[;&|(){}\n]+")
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|(?<![^\s;&|()])#[^\n]*", re.DOTALL)
_SETS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=\S*")
_PYTHON = re.compile(r"(?:\S*/)?python[0-9.]*")
# Stands for a character in quotes: part of a word, and equal to no word that is searched for.
_HIDDEN = "\x01"


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager, as downloads.toml describes it."""

    name: str
    programs: tuple[str, ...]
    commands: tuple[str, ...]
    folder: str
    variables: Mapping[str, str]
    ours: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    file: str = ""
    text: str = ""


@cache
def managers() -> tuple[Manager, ...]:
    """Return the package managers that are known."""
    text = resources.files(__package__).joinpath("downloads.toml").read_text(encoding="utf-8")
    return tuple(_manager(name, data) for name, data in tomllib.loads(text).items())


def _manager(name: str, data: Mapping[str, Any]) -> Manager:
    lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
    return Manager(name=name, **{**data, **lists})


def keeping(run: Run, inherited: Mapping[str, str] | None = None) -> tuple[Run, tuple[Manager, ...]]:
    """Return `run` as it keeps its downloads, and the managers whose caches it needs mounted.

    Variables that are `inherited` from the build, and not its own, are no reason to leave it alone. The same step and
    none when it is not in the shell's form, calls none, or has a heredoc: what looks like a call may be text there.
    """
    if len(run.arguments) < 3 or not re.fullmatch(r"-\w*c", run.arguments[-2]) or "<<" in run.arguments[-1]:
        return run, ()
    command, used = run.arguments[-1], []
    own = {name for name, value in run.environment if (inherited or {}).get(name) != value}
    for manager in managers():
        if any(name in own for name in manager.variables if name not in manager.ours):
            continue
        calls = [words for words in simple_commands(command) if _calls(words, manager)]
        if not calls or (
            manager.needs and not any(_begins(words, manager.needs) for words in simple_commands(command))
        ):
            continue
        used.append(manager)
        for word in sorted((word for words in calls for word in _dropped(words, manager)), reverse=True):
            command = command[: word.start].rstrip(" ") + command[word.end :]
    if not used:
        return run, ()
    variables = {name: value for manager in used for name, value in manager.variables.items()}
    environment = tuple(sorted((dict(run.environment) | variables).items()))
    return replace(run, arguments=(*run.arguments[:-1], command), environment=environment), tuple(used)


@dataclass(frozen=True, slots=True, order=True)
class Word:
    """A word of a command and where it stands; signs in quotes are hidden."""

    start: int
    end: int
    text: str


def simple_commands(command: str) -> Iterator[list[Word]]:
    """Yield the words of every simple command in a shell's text, as far as they are literal."""
    shown = _QUOTED.sub(lambda match: _HIDDEN * len(match[0]), command)
    start = 0
    for end, after in [*((match.start(), match.end()) for match in _BETWEEN.finditer(shown)), (len(shown), 0)]:
        words = [
            Word(start + match.start(), start + match.end(), match[0])
            for match in re.finditer(r"\S+", shown[start:end])
        ]
        if words:
            yield words
        start = after


def _calls(words: list[Word], manager: Manager) -> bool:
    """Return whether a program of `manager` is called, perhaps through another such as xargs."""
    known = {program for each in managers() for program in each.programs}
    for at, word in enumerate(words):
        # `uv pip` is uv.
        if word.text in manager.programs and not (at and words[at - 1].text in known):
            return any(later.text in manager.commands for later in words[at + 1 :])
    return False


def _dropped(words: list[Word], manager: Manager) -> list[Word]:
    """Return the options to take out; none unless the call is by its own name, so that no text is changed."""
    own = [word for word in words if not _SETS.fullmatch(word.text)]
    if len(own) > 2 and _PYTHON.fullmatch(own[0].text) and own[1].text == "-m":
        own = own[2:]
    if not own or own[0].text not in manager.programs:
        return []
    return [word for word in own if word.text in manager.drop]


def _begins(words: list[Word], wanted: tuple[str, ...]) -> bool:
    return tuple(word.text for word in words[: len(wanted)]) == wanted
