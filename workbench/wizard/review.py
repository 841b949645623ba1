"""The review: everything that would be written, before anything is."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from workbench.catalog.questions import QUESTIONS, Answers
from workbench.compose.recipe import Recipe
from workbench.drawing import ACCENT, BAD, GOOD, MUTED, WARNING
from workbench.errors import FaultsError, WorkbenchError
from workbench.wizard.steps import STEPS

_STATUS_STYLE = {
    **{"create": GOOD, "identical": MUTED, "keep": MUTED, "replace": WARNING, "delete": f"bold {BAD}"},
    **{"update": WARNING, "merge": WARNING, "conflict": f"bold {BAD}"},
}
# What errors call the answers that have a flag; here they are answers to questions.
_ANSWERS = {"out": "output folder", **{question.name: question.what for question in QUESTIONS}}
_FLAG = re.compile(r"--([a-z][a-z-]*)")
# An alternative, between commas, that takes a flag.
_WAY_OUT = re.compile(r",? or [^,;.]*--[a-z][^,;.]*")


def review_text(
    recipe: Recipe,
    answers: Answers,
    folder: str,
    files: Mapping[str, str],
    refusal: WorkbenchError | None,
    columns: int,
    *,
    note: str = "",
) -> str:
    """Return the panel of answers, base image, folder and files, `columns` wide.

    `files` says by path what becomes of it; `refusal` is why the folder that is there
    cannot be written over, if so; `note` is a remark about the choices.
    """
    facts = _grid()
    for step in STEPS:
        if step.name in answers and step.name != "out" and not step.settles:
            facts.add_row(step.label, Text(answers[step.name]))
    facts.add_row("FROM", Text(recipe.image))
    facts.add_row("Folder", Text(folder))
    if note:
        facts.add_row("Note", Text(note, style=WARNING))
    listed = _grid()
    for path, status in files.items():
        listed.add_row(Text(status, style=_STATUS_STYLE[status]), Text(path))
    parts: list[RenderableType] = [facts, Text(), listed]
    if refusal is not None:
        # Its hint names flags, and the question below the panel offers the same.
        parts = [*_message(refusal), Text(), *parts]
    return _drawn(Panel(Group(*parts), title="Review"), columns)


def difference_text(lines: Sequence[str], columns: int) -> str:
    """Return the panel that shows the lines of a difference, `columns` wide."""
    styles = {"+": GOOD, "-": BAD, "@": ACCENT}
    shown = [Text(line, style=styles.get(line.lstrip()[:1], "")) for line in lines]
    return _drawn(Panel(Group(*shown), title="What would change"), columns)


def trouble_text(error: WorkbenchError, columns: int) -> str:
    """Return the panel that says what went wrong, `columns` wide."""
    hint = in_answers(error.hint)
    lines = [*_message(error), *([Text(f"hint: {hint}", style=MUTED)] if hint else [])]
    return _drawn(Panel(Group(*lines), title="This cannot be done", border_style=BAD), columns)


def in_answers(hint: str) -> str:
    """Return a hint as a conversation can follow it: with answers in place of flags, without what only a flag does."""
    named = _FLAG.sub(lambda match: _ANSWERS.get(match[1], match[0]), hint)
    return _WAY_OUT.sub("", named)


def _message(error: WorkbenchError) -> list[Text]:
    if isinstance(error, FaultsError):
        faults = [Text(f"{where}: {message}" if where else message) for where, message in error.faults]
        return [Text(error.message, style="bold"), *faults]
    return [Text(f"{error.where}: {error.message}" if error.where else error.message, style="bold")]


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    return grid


def _drawn(renderable: RenderableType, columns: int) -> str:
    # Rich honours NO_COLOR by itself.
    console = Console(file=io.StringIO(), force_terminal=True, color_system="256", width=columns)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get().rstrip("\n")
