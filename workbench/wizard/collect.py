"""The steps one after the other, forward and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from workbench.catalog.questions import Answers
from workbench.catalog.values import Catalogue
from workbench.wizard.answers import as_steps
from workbench.wizard.prompt import Choice, Prompt, Screen
from workbench.wizard.screen import above
from workbench.wizard.steps import STEPS, WizardStep

# The answers that a catalogue has for whoever gave none yet, given those that were.
Defaults = Callable[[Answers], Answers]

# The value of the one choice left where none is possible; no answer is empty.
_BACK = ""


def collect_answers(catalogue: Catalogue, defaults: Defaults, prompt: Prompt, earlier: Answers) -> dict[str, str]:
    """Take every step and return the answers.

    With `earlier` answers, the complete ones of another round, it starts at the last step: the
    user came back to it. What was answered once is preselected when its step comes again.
    """
    kept = dict(earlier)
    at = len(STEPS) - 1 if earlier else 0
    direction = 1
    while at < len(STEPS):
        step = STEPS[at]
        # An answer whose step is not taken any more does not count.
        given: dict[str, str] = {}
        for one in STEPS[:at]:
            if one.is_taken(catalogue, given):
                given[one.name] = kept[one.name]
        if step.is_taken(catalogue, given):
            answer = prompt.show(_screen(catalogue, defaults, step, given, kept.get(step.name, "")))
            direction = 1 if answer else -1
            if answer:
                kept[step.name] = answer
                if step.settles:
                    kept[step.settles] = answer
        at = max(0, at + direction)
    return {step.name: kept[step.name] for step in STEPS if step.is_taken(catalogue, kept)}


def _screen(catalogue: Catalogue, defaults: Defaults, step: WizardStep, given: Answers, before: str) -> Screen:
    drawn = partial(above, catalogue, given, step)
    if step.choices is None:
        preselected = before or as_steps(defaults(given)).get(step.name, "")
        return Screen(step.title, drawn, check=step.check, preselected=preselected)
    choices = step.choices(catalogue, given)
    possible = [choice.value for choice in choices if not choice.reason]
    if not possible:
        choices.append(Choice(_BACK, "none of these is possible: go back and choose otherwise"))
        return Screen(step.title, drawn, choices)
    wanted = (before, as_steps(defaults(given)).get(step.name, ""), possible[0])
    return Screen(step.title, drawn, choices, preselected=next(value for value in wanted if value in possible))
