"""What the service offers to build: the wizard's steps and reasons, and `up --no-start` as the command."""

from __future__ import annotations

import os
from collections.abc import Mapping

from workbench.catalog.questions import ANSWERS
from workbench.catalog.reader import open_catalogue
from workbench.commands import starter
from workbench.compose.defaults import defaults
from workbench.replicasets.builds.recipes import BuildPlan, Offer, Question
from workbench.replicasets.errors import Invalid
from workbench.verbs.new import today
from workbench.wizard.answers import OTHER, as_steps, tag_so_far
from workbench.wizard.steps import STEPS


class CatalogueRecipes:
    """The recipes of a catalogue. `folder` is where they are written, `catalogue` its own folder.

    A base of somebody else's is not offered: the service builds on what its operator's releases have.
    """

    def __init__(self, catalogue: str, folder: str, ca_bundle: str = "") -> None:
        self._folder, self._ca_bundle, self._name = os.path.abspath(folder), ca_bundle, os.path.abspath(catalogue)
        self._catalogue = open_catalogue(catalogue)

    def questions(self, answers: Mapping[str, str]) -> tuple[Question, ...]:
        """Return the wizard's questions, with what is answered where `answers` have no possible choice."""
        return self._walk(answers)[0]

    def plan(self, answers: Mapping[str, str]) -> BuildPlan:
        """Return the command that builds the answers; raises Invalid for one that is no possible choice."""
        questions, chosen = self._walk(answers)
        names = {each.name: each for each in questions}
        for name in answers:
            if name not in names:
                raise Invalid(f"{name[:60]!r} is no question after the other answers", field=name[:60])
        for each in questions:
            given = answers.get(each.name, each.answer)
            if given != each.answer or not given:
                reason = next(
                    (offer.reason for offer in each.offers if offer.value == given), "there is no such choice"
                )
                raise Invalid(f"{each.label} {given[:60]}: {reason or 'not possible'}", field=each.name)
        flags = [f"--{name}={chosen[name]}" for name in ANSWERS if name in chosen and name != "date"]
        words = [*starter(), "up", f"--catalog={self._name}", "--no-start", "--yes", *flags]
        words += [f"--out={self._folder}", "--log-dir=steps"]
        words += [f"--ca-bundle={self._ca_bundle}"] if self._ca_bundle else []
        title = tag_so_far(self._catalogue, {**chosen, "date": "latest"}).removesuffix("_latest")
        return BuildPlan(title, tuple(words))

    def _walk(self, given: Mapping[str, str]) -> tuple[tuple[Question, ...], dict[str, str]]:
        """Return the questions, and the answers that they come to."""
        questions: list[Question] = []
        answers: dict[str, str] = {}
        for step in STEPS:
            if step.name == "date":
                answers["date"] = today()
            if step.choices is None or not step.is_taken(self._catalogue, answers):
                continue
            offers = [each for each in step.choices(self._catalogue, answers) if each.value != OTHER]
            possible = [each.value for each in offers if not each.reason]
            usual = as_steps(defaults(self._catalogue, answers, today())).get(step.name, "")
            wanted = (given.get(step.name, ""), usual, *possible[:1])
            answer = next((value for value in wanted if value in possible), "")
            shown = tuple(Offer(each.value, " ".join(each.title.split()), each.reason) for each in offers)
            questions.append(Question(step.name, step.label, step.title, answer, shown))
            if not answer:
                break
            answers[step.name] = answer
            if step.settles:
                answers[step.settles] = answer
        return tuple(questions), answers
