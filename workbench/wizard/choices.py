"""The choices of each question, from the catalogue and the answers so far, with reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.architecture import this_architecture
from workbench.catalog.bases import thin_base
from workbench.catalog.own_cuda import holds_cuda_twice, own_cuda, savings
from workbench.catalog.questions import Answers, by_name
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.possible import attempt
from workbench.errors import FaultsError
from workbench.wizard.answers import OTHER, base_of, selection_of
from workbench.wizard.prompt import Choice


def choices_of(name: str, catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return the choices of the question `name` after `answers`: every name that exists, with why it is impossible."""
    view = at_release(catalogue, answers.get("release", ""))
    labels = by_name(name).known(view, answers)
    if name == "base":
        labels = {**_with_thin_meant(view, answers["release"], labels), OTHER: "another image"}
    reason = _REASONS.get(name, _rule_reason)
    return _listed(labels, lambda value: reason(catalogue, {**answers, name: value}))


def holds_two(catalogue: Catalogue, answers: Answers) -> bool:
    """Return whether the base that is chosen holds CUDA a second time, and the release has a thin one in its place."""
    if not {"release", "base", "python", "bundle"} <= answers.keys():
        return False
    view = at_release(catalogue, answers["release"])
    release = view.releases[answers["release"]]
    thin = thin_base(release.bases)
    if thin is None or answers["base"] != thin.thin_for:
        return False
    return holds_cuda_twice(view, release, release.bases[thin.thin_for], answers["bundle"], answers["python"])


def thin_or_not(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return the thin base and the one that was chosen, each with what it means for the bundle that is chosen."""
    view = at_release(catalogue, answers["release"])
    release = view.releases[answers["release"]]
    if (thin := thin_base(release.bases)) is None:
        return []
    base = release.bases[thin.thin_for]
    own = own_cuda(view, answers["bundle"], answers["python"])
    labels = {
        thin.name: f"CUDA {own} of the wheels alone: {savings(release, base, answers['os'])}",
        base.name: f"CUDA {release.cuda.get('version', '')} of the base beside it, which the wheels do not use",
    }
    return _listed(labels, lambda value: _rule_reason(catalogue, {**answers, "base": value}))


def _with_thin_meant(view: Catalogue, name: str, labels: dict[str, str]) -> dict[str, str]:
    """Return the labels of bases, with what the thin one is for: the bundle is chosen later."""
    release = view.releases[name]
    pythons = {python for system in release.systems.values() for python in system.pythons}
    meant = [bundle for bundle in view.bundles if any(own_cuda(view, bundle, python) for python in pythons)]
    if (thin := thin_base(release.bases)) is None or not meant:
        return labels
    saved = f"{savings(release, release.bases[thin.thin_for])} than {thin.thin_for}"
    return {**labels, thin.name: f"{labels[thin.name]}: {', '.join(meant)}; {saved}"}


def _rule_reason(catalogue: Catalogue, answers: Answers) -> str:
    view = at_release(catalogue, answers["release"])
    return "; ".join(reasons(view, {"architecture": this_architecture(), **answers, "base": base_of(answers)}))


def _release_reason(catalogue: Catalogue, answers: Answers) -> str:
    try:
        return _rule_reason(catalogue, answers)
    except FaultsError as error:
        # One release that was tampered with is no reason to refuse the others.
        return "; ".join(f"{where}: {message}" for where, message in error.faults)


def _bundle_reason(catalogue: Catalogue, answers: Answers) -> str:
    """Return why the bundle is impossible: no IDE going with it is a reason too.

    Only the rules count here: composing every bundle with every IDE would be felt.
    """
    if reason := _rule_reason(catalogue, answers):
        return reason
    found = {}
    for ide in at_release(catalogue, answers["release"]).ides:
        if not (reason := _rule_reason(catalogue, {**answers, "ide": ide})):
            return ""
        found[reason] = ide
    return f"no IDE goes with it: {'; '.join(found)}" if found else "the catalogue has no IDE"


def _ide_reason(catalogue: Catalogue, answers: Answers) -> str:
    """Return why there is no recipe with the IDE: it is the last answer, so the recipe itself can be tried."""
    return attempt(catalogue, selection_of(answers))[1]


# The questions whose answers can be impossible for more than what the rules say.
_REASONS: dict[str, Callable[[Catalogue, Answers], str]] = {
    "release": _release_reason,
    "bundle": _bundle_reason,
    "ide": _ide_reason,
}


def _listed(labels: dict[str, str], reason: Callable[[str], str]) -> list[Choice]:
    """Return a choice for each name; the name stands before its label unless every label says it."""
    if all(name in label for name, label in labels.items()):
        return [Choice(name, label, reason(name)) for name, label in labels.items()]
    width = _column(labels)
    return [Choice(name, f"{name:<{width}}  {label}", reason(name)) for name, label in labels.items()]


def _column(names: Iterable[str]) -> int:
    # One very long name must not push every label off the screen.
    return min(20, max(map(len, names)))
