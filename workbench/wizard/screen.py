"""What stands above a question: title, answers and the tag, in the room there is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.catalog.questions import Answers
from workbench.catalog.values import Catalogue
from workbench.wizard.answers import tag_so_far
from workbench.wizard.prompt import Fragments
from workbench.wizard.steps import STEPS, WizardStep

# What the question itself needs below: its title, a few choices, the keys.
_BELOW = 9
_LABEL = max(len(step.label) for step in STEPS)


def above(
    catalogue: Catalogue, answers: Answers, step: WizardStep, candidate: str, columns: int, rows: int
) -> Fragments:
    """Return the lines above the question `step`; `candidate` is its answer as it stands.

    Where the rows do not suffice the answers give way, then the title, and the tag never.
    """
    taken = [one for one in STEPS if one.is_taken(catalogue, answers)]
    title = _line("class:title", f"workbench-images: question {taken.index(step) + 1} of {len(taken)}", columns)
    answered = [one for one in taken if one.name in answers and not one.settles]
    made = [("class:answered", f"  {one.label:<{_LABEL}}  {answers[one.name]}") for one in answered]
    listed = [fragment for style, text in made for fragment in _line(style, text, columns)]
    with_candidate = {**answers, step.settles or step.name: candidate} if candidate else answers
    tag = tag_lines(tag_so_far(catalogue, with_candidate), columns)
    blank: Fragments = [("", "\n")]
    roomy = title + blank + listed + (blank if listed else []) + tag + blank
    for drawn in (roomy, title + listed + tag, title + tag):
        if line_count(drawn) + _BELOW <= rows:
            return drawn
    return tag


def tag_lines(tag: str, columns: int) -> Fragments:
    """Return the tag on as many lines as it needs."""
    label = f"  {'Tag':<{_LABEL}}  "
    room = max(8, columns - len(label))
    lines: Fragments = []
    for at in range(0, len(tag), room):
        lines += [("class:label", label if at == 0 else " " * len(label)), ("class:tag", tag[at : at + room] + "\n")]
    return lines


def keys_text(keys: Sequence[str], columns: int) -> str:
    """Return the keys that can be pressed, on as many lines as they need, each key whole."""
    lines = [f" {keys[0]}"]
    for key in keys[1:]:
        longer = f"{lines[-1]} · {key}"
        if len(longer) <= columns:
            lines[-1] = longer
        else:
            lines.append(f" {key}")
    return "\n".join(lines)


def wrapped(fragments: Fragments, columns: int, indent: int) -> Fragments:
    """Return `fragments` broken between words where a line is too long, the rest set in by `indent`."""
    broken: Fragments = []
    at = 0
    for style, text in fragments:
        for word in re.split(r"(\n| +)", text):
            if word == "\n":
                at = 0
            elif at + len(word) > columns and at > indent:
                broken.append(("", "\n" + " " * indent))
                at, word = indent, word.lstrip(" ")
            while at + len(word) > columns:
                broken += [(style, word[: columns - at]), ("", "\n" + " " * indent)]
                at, word = indent, word[columns - at :]
            broken.append((style, word))
            at += len(word.lstrip("\n"))
    return broken


def line_count(fragments: Fragments) -> int:
    """Return how many lines `fragments` take, a last newline counted as one more."""
    return sum(text.count("\n") for _, text in fragments) + 1


def _line(style: str, text: str, columns: int) -> Fragments:
    """Return `text` on one line, cut with a mark where it is too long."""
    return [(style, (text if len(text) <= columns else f"{text[: columns - 1]}…") + "\n")]
