"""The answers that a release has for whoever gives none."""

from __future__ import annotations

from workbench.catalog.bases import thin_base
from workbench.catalog.own_cuda import holds_cuda_twice
from workbench.catalog.questions import QUESTIONS, Answers
from workbench.catalog.releases import RETIRED
from workbench.catalog.values import Catalogue, Release
from workbench.catalog.views import at_release
from workbench.names import LATEST, check_release


def defaults(catalogue: Catalogue, given: Answers, date: str = LATEST) -> dict[str, str]:
    """Return the default answers of the release that is given, else of the newest that is not retired.

    `date` is the default date. Where the release names no Python for the system that is given, that system's
    first counts; where its base has a thin one and the bundle brings a CUDA of its own, the thin one does.
    Raises UsageError or WorkbenchError for a release that there is not.
    """
    release = catalogue.release(check_release(given["release"])) if given.get("release") else _usual(catalogue)
    name = release.name
    usual = {question.name: question.usual for question in QUESTIONS if question.usual}
    answers = {**usual, **release.defaults, "release": name, "date": date}
    answers.pop("out", None)
    for question in QUESTIONS:
        if question.settle and (settled := question.settle(catalogue, {**answers, **given})):
            answers[question.name] = settled
    answers["base"] = _thin_or_not(catalogue, release, {**answers, **given}, answers["base"])
    return answers


def _usual(catalogue: Catalogue) -> Release:
    """Return the newest release that is not retired, or the newest; raises where that one has a fault."""
    newest = catalogue.newest()
    if newest.state != RETIRED:
        return newest
    open_ones = [name for name, release in catalogue.releases.items() if release.state != RETIRED]
    return catalogue.release(open_ones[0]) if open_ones else newest


def _thin_or_not(catalogue: Catalogue, release: Release, answers: Answers, base: str) -> str:
    """Return the default `base`, or the thin one where `answers` have a bundle that brings a CUDA of its own."""
    thin = thin_base(release.bases)
    if thin is None or base != thin.thin_for or "python" not in answers:
        return base
    view, bundle = at_release(catalogue, release.name), answers.get("bundle", "")
    twice = bundle in view.bundles and holds_cuda_twice(view, release, release.bases[base], bundle, answers["python"])
    return thin.name if twice else base
