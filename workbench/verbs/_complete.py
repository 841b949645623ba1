"""What may come next on a command line: the candidates that the shells' completion shows."""

from __future__ import annotations

import argparse
import datetime
import glob
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.cli import VERBS, verb_parser, without_catalogue
from workbench.verbs.subverbs import subverb_parser

# What the shell adds by itself to the words: nothing, files, or folders.
WORDS, FILES, FOLDERS = "words", "files", "folders"
_SHOWN = 70


@dataclass(frozen=True, slots=True)
class Candidates:
    """The words that may stand next, each with what it means ("" for nothing), and what the shell adds to them."""

    words: Mapping[str, str] = field(default_factory=dict)
    kind: str = WORDS


@dataclass(slots=True)
class _Position:
    """How far a command line was read: what may follow depends on it."""

    verb: str
    parser: argparse.ArgumentParser
    catalogue: str
    pending: argparse.Action | None = None
    places: int = 0
    used: set[str] = field(default_factory=set)
    only_places: bool = False


def candidates(words: Sequence[str]) -> Candidates:
    """Return what may stand in place of the last of `words`, which are those behind the program's name.

    Never raises WorkbenchError: whoever presses Tab gets no words then.
    """
    given, current = list(words[:-1]), words[-1] if words else ""
    given, catalogue = without_catalogue(given)
    if given == ["--catalog"]:
        return Candidates(kind=FOLDERS)
    if not given and not current.startswith("-"):
        return Candidates(_matching(VERBS, current))
    if not given or given[0].startswith("-"):
        given = ["wizard", *given]
    if given[0] not in VERBS:
        return Candidates()
    at = _read(given, catalogue)
    name, equals, value = current.partition("=")
    if equals and not at.only_places and (action := at.parser._option_string_actions.get(name)):
        found = _values(at, action, value)
        return Candidates({f"{name}={word}": about for word, about in found.words.items()}, found.kind)
    if at.pending is not None:
        return _values(at, at.pending, current)
    if current.startswith("-") and not at.only_places:
        return Candidates(_matching(_flags(at), current))
    places = at.parser._get_positional_actions()
    repeats = places and places[-1].nargs in ("*", "+", argparse.REMAINDER)
    place = places[at.places] if at.places < len(places) else places[-1] if repeats else None
    found = _values(at, place, current) if place else Candidates()
    if not found.words and found.kind == WORDS and not current:
        return Candidates(_flags(at))
    return found


def _read(given: Sequence[str], catalogue: str) -> _Position:
    """Return the position behind `given`, which begin with a verb."""
    at = _Position(given[0], verb_parser(given[0])[1], catalogue)
    for word in given[1:]:
        if at.pending is not None:
            if at.pending.dest == "catalog":
                at.catalogue = word
            if at.pending.nargs is None:
                at.pending = None
            continue
        name, equals, _ = word.partition("=")
        option = None if at.only_places else at.parser._option_string_actions.get(name)
        if word == "--":
            at.only_places = True
        elif option is not None:
            at.used.add(option.dest)
            at.pending = option if option.nargs != 0 and not equals else None
        elif not word.startswith("-") or at.only_places:
            _step_into(at, word)
    return at


def _step_into(at: _Position, word: str) -> None:
    """Read a word that is no flag: a subverb has a parser of its own."""
    below: argparse.ArgumentParser | None = None
    subverbs: Mapping[str, str] = at.parser.get_default("subverbs") or {}
    for action in at.parser._get_positional_actions()[at.places : at.places + 1]:
        if isinstance(action, argparse._SubParsersAction):
            below = action.choices.get(word)
        elif word in subverbs:
            below = subverb_parser(at.verb, word, subverbs)[1]
    at.places += 1
    if below is not None:
        at.verb, at.parser, at.places, at.used = f"{at.verb} {word}", below, 0, set()


def _flags(at: _Position) -> dict[str, str]:
    """Return the flags that were not given yet, and those that may be given again."""
    flags = {}
    for action in at.parser._actions:
        again = isinstance(action, argparse._AppendAction)
        if action.option_strings and action.help is not argparse.SUPPRESS and (again or action.dest not in at.used):
            flags[action.option_strings[-1]] = _short(action.help or "")
    return flags


def _values(at: _Position, action: argparse.Action, current: str) -> Candidates:
    """Return what may stand as the value of a flag or a place."""
    if isinstance(action, argparse._SubParsersAction):
        return Candidates(_matching({one.dest: one.help or "" for one in action._choices_actions}, current))
    if action.dest == "subverb":
        return Candidates(_matching(at.parser.get_default("subverbs") or {}, current))
    if action.choices is not None:
        return Candidates(_matching(dict.fromkeys(map(str, action.choices), ""), current))
    metavar = str(action.metavar or action.dest)
    source = _SOURCES.get(f"{at.verb} {action.dest}") or _SOURCES.get(metavar)
    if source is None and action.option_strings:
        words = _answers(at, action.dest, metavar)
    else:
        words = source(at) if source else {}
    found = _matching(words, current)
    kind = FOLDERS if metavar in ("DIR", *_OF_FOLDERS) else FILES if metavar in ("FILE", "PATH") else WORDS
    return Candidates(found, WORDS if found else kind)


def _answers(at: _Position, name: str, metavar: str) -> dict[str, str]:
    """Return the answers that the catalogue has to the question `name`, each as the wizard shows it."""
    from workbench.catalog.faults import Faults
    from workbench.catalog.questions import QUESTIONS
    from workbench.catalog.reader import open_catalogue
    from workbench.catalog.views import every_view

    for question in QUESTIONS:
        if question.name != name or question.metavar != metavar:
            continue
        if name == "date":
            return {f"{datetime.date.today():%Y%m%d}": "today", "latest": ""}
        views = (
            (view, release) for view in every_view(open_catalogue(at.catalogue), Faults()) for release in view.releases
        )
        labels: dict[str, str] = {}
        for view, release in views:
            labels.update(question.known(view, {"release": release}))
        return {word: label if label != word else "" for word, label in labels.items()}
    return {}


def _releases(at: _Position) -> dict[str, str]:
    from workbench.catalog.reader import open_catalogue

    return {release.name: release.display for release in open_catalogue(at.catalogue).releases.values()}


def _recipes(at: _Position) -> dict[str, str]:
    from workbench.compose.recipe import MANIFEST
    from workbench.recipes.write import DEFAULT_OUT

    return {os.path.dirname(path): "" for path in sorted(glob.glob(os.path.join(DEFAULT_OUT, "*", MANIFEST)))}


def _workbenches(at: _Position) -> dict[str, str]:
    from workbench.launch.workbenches import workbenches

    return {one.name: one.state for one in workbenches()}


def _startable(at: _Position) -> dict[str, str]:
    return {**_workbenches(at), **_recipes(at)}


# By verb and argument, else by what help calls the value.
_SOURCES: dict[str, Callable[[_Position], dict[str, str]]] = {
    "run what": _startable,
    "stop names": _workbenches,
    "check folder": _recipes,
    "diff old": _recipes,
    "diff new": _recipes,
    "sbom --recipe": _recipes,
    **dict.fromkeys(("FOLDER", "RECIPE", "RECIPE|IMAGE", "RECIPE|SBOM", "RECIPE|TAG|IMAGE"), _recipes),
    **{f"release {verb} name": _releases for verb in ("freeze", "update", "amend", "check")},
    **dict.fromkeys(("release diff old", "release diff new"), _releases),
}
# What folders stand for too, where there is no recipe below the usual folder.
_OF_FOLDERS = ("FOLDER", "RECIPE", "folder", "old", "new", "WHAT")


def _matching(words: Mapping[str, str], current: str) -> dict[str, str]:
    return {word: _short(about) for word, about in words.items() if word.startswith(current)}


def _short(about: str) -> str:
    """Return what a word means on one short line."""
    line = " ".join(about.replace("%%", "%").split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
