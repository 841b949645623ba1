"""The whole conversation: questions, composition, review, and the recipe written."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from workbench.catalog.ides import WORKBENCH
from workbench.catalog.questions import Answers, Selection
from workbench.catalog.values import Catalogue
from workbench.compose.possible import advice, compose_checked
from workbench.compose.recipe import Recipe
from workbench.errors import WorkbenchError
from workbench.recipes.changes import ADDED, changes_by_hand, digests
from workbench.recipes.differences import replacing_lines
from workbench.recipes.read import read_manifest
from workbench.recipes.update import RecipeUpdate, plan_update, problems, write_update
from workbench.recipes.write import IDENTICAL, KEEP, Written, compare, folder_of, refusal, write
from workbench.wizard.answers import selection_of, tag_so_far
from workbench.wizard.collect import Defaults, collect_answers
from workbench.wizard.prompt import Choice, Prompt, Screen
from workbench.wizard.review import difference_text, review_text, trouble_text
from workbench.wizard.screen import tag_lines

# Makes the recipe of a selection; the base image is looked up when the second argument is true.
Compose = Callable[[Selection, bool], Recipe]
# What the review says of a recipe beside its answers, "" for nothing.
Remark = Callable[[Recipe], str]

_BACK = "back"
_GO_BACK = Choice(_BACK, "Go back and answer otherwise")
_OTHER_FOLDER = Choice(_BACK, "Give another output folder")
_LEAVE = Choice("quit", "Quit, and write nothing")
_WITHOUT_LOOK_UP = Choice("offline", "Go on without looking the base image up")
_WRITE = Choice("write", "Write the recipe")
_MERGE = Choice("merge", "Compose it again, and keep what was changed by hand")
_WRITE_MARKED = Choice("no", "Write it; the files that are named above need a look before a build")
_REPLACE = Choice("replace", "Replace the recipe")
_REPLACE_KEEPING = Choice("replace", "Replace the recipe; files of your own stay")
_CLEAN = Choice("clean", "Replace the folder whole, and delete your own files too")
_DIFF = Choice("diff", "Show what would change")
_SEEN = Choice(_BACK, "Go back to the choices")
_KEEP = Choice("keep", "Go on with it")
_ONLY_WRITE = Choice("no", "No, only write the recipe")
_BUILD = Choice("yes", "Yes, write the recipe and build it")
_OPEN = Choice("open", "Yes, build it and open the workbench")


class Quit(Exception):
    """The user chose to leave."""


@dataclass(frozen=True, slots=True)
class WizardOutcome:
    """What the conversation came to: the recipe that was written, whether to build it now, and to open it then.

    `problems` are files that a person must look at before, each with the reason: a merge was in conflict there.
    """

    written: Written
    build: bool
    opened: bool = False
    problems: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class _Decision:
    replace: bool
    clean: bool
    build: bool
    opened: bool
    update: RecipeUpdate | None = None


def converse(
    catalogue: Catalogue,
    defaults: Defaults,
    compose: Compose,
    prompt: Prompt,
    *,
    look_up: bool,
    remark: Remark = lambda recipe: "",
    can_open: bool = False,
) -> WizardOutcome:
    """Collect the answers, compose, review, and write the recipe that was agreed on.

    `remark` returns what the review says of a recipe beside its answers; with `can_open`, building it and opening the
    workbench is offered, and preselected.

    Every question comes before the first byte is written, "build it now?" too, so that leaving at
    any of them leaves nothing behind. Raises Quit when the user chooses to leave, and whatever the
    prompt raises when the user just does.
    """
    answers: dict[str, str] = {}
    while True:
        answers = collect_answers(catalogue, defaults, prompt, answers)
        tag = tag_so_far(catalogue, answers)
        recipe = _composed(compose, prompt, answers, tag, look_up)
        decision = _decide(catalogue, prompt, recipe, answers, tag, remark, can_open) if recipe else None
        if recipe is None or decision is None:
            continue
        try:
            with _undisturbed():
                written = _write(recipe, answers["out"], decision)
        except WorkbenchError as error:
            _choose(prompt, "What now?", tag, partial(trouble_text, error), [_OTHER_FOLDER, _LEAVE])
        else:
            found = problems(decision.update) if decision.update else ()
            return WizardOutcome(written, decision.build, decision.opened, found)


def _write(recipe: Recipe, out: str, decision: _Decision) -> Written:
    if decision.update is None:
        return write(recipe, out, force=decision.replace, clean=decision.clean)
    write_update(decision.update)
    return Written(decision.update.folder, dict(decision.update.statuses))


def _composed(compose: Compose, prompt: Prompt, answers: Answers, tag: str, look_up: bool) -> Recipe | None:
    """Return the recipe, or None when there is none and the user goes back."""
    selection = selection_of(answers)
    try:
        with prompt.busy("looking the base image up and checking the recipe"):
            return compose(selection, look_up)
    except WorkbenchError as error:
        trouble, spare = error, None
    if look_up:
        # Is it the look-up alone that failed? Then going on without it is worth offering.
        try:
            spare = compose(selection, False)
        except WorkbenchError as error:
            trouble = error
    choices = [_GO_BACK, *([_WITHOUT_LOOK_UP] if spare else []), _LEAVE]
    chosen = _choose(prompt, "What now?", tag, partial(trouble_text, trouble), choices)
    return spare if chosen == _WITHOUT_LOOK_UP.value else None


def _decide(
    catalogue: Catalogue,
    prompt: Prompt,
    recipe: Recipe,
    answers: Answers,
    tag: str,
    remark: Remark,
    can_open: bool,
) -> _Decision | None:
    """Return what to do with the recipe, or None when the user goes back."""
    folder = folder_of(recipe, answers["out"])
    files = compare(recipe, folder)
    exists = os.path.lexists(folder)
    refused = refusal(recipe, folder, files) if exists and not set(files.values()) <= {IDENTICAL, KEEP} else None
    with prompt.busy("looking at what it stands on"):
        note = _notes(recipe, remark)
    panel = partial(review_text, recipe, answers, folder, files, refused, note=note)
    if refused:
        title, choices = "The folder exists and differs. What now?", [_OTHER_FOLDER, _DIFF, _REPLACE, _LEAVE]
        if KEEP in files.values():
            choices = [_OTHER_FOLDER, _DIFF, _REPLACE_KEEPING, _CLEAN, _LEAVE]
        if _is_changed(folder):
            choices.insert(0, _MERGE)
    elif exists:
        title, choices = "The same recipe exists already.", [_KEEP, _GO_BACK, _LEAVE]
    else:
        title, choices = "Is this what you want?", [_WRITE, _GO_BACK, _LEAVE]
    while True:
        chosen = _choose(prompt, title, tag, panel, choices)
        if chosen == _BACK:
            return None
        if chosen == _DIFF.value:
            lines = replacing_lines(recipe, folder)
            _choose(prompt, "This is what would change.", tag, partial(difference_text, lines), [_SEEN])
            continue
        serves = can_open and recipe.resolved.ide.image_type == WORKBENCH
        offered = [_OPEN, _BUILD, _ONLY_WRITE] if serves else [_ONLY_WRITE, _BUILD]
        ask, shown, update = "Build the image now?", panel, None
        if chosen == _MERGE.value:
            update = plan_update(folder, recipe, partial(compose_checked, catalogue), answers["out"])
            found = problems(update)
            named = "\n".join([*(f"{path}: {message}" for path, message in found), *([note] if note else [])])
            shown = partial(review_text, recipe, answers, folder, update.statuses, None, note=named)
            if found:
                ask, offered = "Both changed the same lines. Write it?", [_WRITE_MARKED]
        build = _choose(prompt, ask, tag, shown, offered)
        if build != _BACK:
            clean = chosen == _CLEAN.value
            return _Decision(
                replace=clean or chosen == _REPLACE.value,
                clean=clean,
                build=build == _BUILD.value,
                opened=build == _OPEN.value,
                update=update,
            )


def _is_changed(folder: str) -> bool:
    """Return whether a folder is a recipe whose files were changed by hand; those that were added stay anyway."""
    try:
        return not {*changes_by_hand(read_manifest(folder), digests(folder)).values()} <= {ADDED}
    except WorkbenchError:
        return False


def _notes(recipe: Recipe, remark: Remark) -> str:
    return "\n".join(note for note in (advice(recipe.resolved), remark(recipe)) if note)


def _choose(prompt: Prompt, title: str, tag: str, panel: Callable[[int], str], choices: Sequence[Choice]) -> str:
    """Return the choice made below `panel`; Esc is going back. Raises Quit."""
    screen = Screen(
        title,
        lambda _, columns, rows: tag_lines(tag, columns),
        choices,
        preselected=choices[0].value,
        panel=panel,
    )
    chosen = prompt.show(screen) or _BACK
    if chosen == _LEAVE.value:
        raise Quit
    return chosen


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a Ctrl-C come too late: in these milliseconds the folder is written whole and reported."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
