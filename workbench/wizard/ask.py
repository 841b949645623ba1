"""The questions one after the other, forward and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from workbench.catalog.values import Catalogue
from workbench.wizard.answers import Answers, as_answers
from workbench.wizard.question import Choice, Prompt, Question
from workbench.wizard.screen import above
from workbench.wizard.steps import STEPS, Step

# The answers that a catalogue has for who gave none yet, given those that were.
Defaults = Callable[[Answers], Answers]

# The value of the one choice left where none is possible; no answer is empty.
_BACK = ""


def ask(catalogue: Catalogue, defaults: Defaults, prompt: Prompt, earlier: Answers) -> dict[str, str]:
    """Ask every question and return the answers.

    With `earlier` answers, the complete ones of another round, it starts at the last question: the
    user came back to it. What was answered once is preselected when its question comes again.
    """
    kept = dict(earlier)
    at = len(STEPS) - 1 if earlier else 0
    direction = 1
    while at < len(STEPS):
        step = STEPS[at]
        # An answer whose question is not asked any more does not count.
        given: dict[str, str] = {}
        for one in STEPS[:at]:
            if one.is_asked(catalogue, given):
                given[one.name] = kept[one.name]
        if step.is_asked(catalogue, given):
            answer = prompt.ask(_question(catalogue, defaults, step, given, kept.get(step.name, "")))
            direction = 1 if answer else -1
            if answer:
                kept[step.name] = answer
                if step.settles:
                    kept[step.settles] = answer
        at = max(0, at + direction)
    return {step.name: kept[step.name] for step in STEPS if step.is_asked(catalogue, kept)}


def _question(catalogue: Catalogue, defaults: Defaults, step: Step, given: Answers, before: str) -> Question:
    drawn = partial(above, catalogue, given, step)
    if step.choices is None:
        preselected = before or as_answers(defaults(given)).get(step.name, "")
        return Question(step.title, drawn, check=step.check, preselected=preselected)
    choices = step.choices(catalogue, given)
    possible = [choice.value for choice in choices if not choice.reason]
    if not possible:
        choices.append(Choice(_BACK, "none of these is possible: go back and choose otherwise"))
        return Question(step.title, drawn, choices)
    wanted = (before, as_answers(defaults(given)).get(step.name, ""), possible[0])
    return Question(step.title, drawn, choices, preselected=next(value for value in wanted if value in possible))
