"""The choices of each question, from the catalogue and the answers so far, with reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.catalog.bases import BASES, base_label
from workbench.catalog.compat import reasons
from workbench.catalog.own_cuda import THIN, holds_cuda_twice, own_cuda, savings
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.possible import attempt
from workbench.errors import FaultsError
from workbench.wizard.answers import OTHER, Answers, base_of, selection_of
from workbench.wizard.question import Choice


def releases(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return the releases, the newest first."""
    labels = {name: release.display for name, release in catalogue.releases.items()}

    def why(name: str) -> str:
        try:
            return _why(catalogue, {"release": name})
        except FaultsError as error:
            # One release that was tampered with is no reason to refuse the others.
            return "; ".join(f"{where}: {message}" for where, message in error.faults)

    return _listed(labels, why)


def bases(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return our bases, and the way to name another image.

    The bundle is not chosen yet: for which ones cuda-thin is meant is said here, and asked once it is.
    """
    release = answers["release"]
    labels = {base: base_label(catalogue, release, base) for base in BASES}
    pythons = {python for system in catalogue.releases[release].systems.values() for python in system.pythons}
    seen = at_release(catalogue, release)
    if meant := [name for name in seen.bundles if any(own_cuda(seen, name, python) for python in pythons)]:
        labels[THIN] += f": {', '.join(meant)}; {savings(catalogue, release)} than cuda"
    return _listed(
        {**labels, OTHER: "another image"},
        lambda base: "" if base == OTHER else _why(catalogue, {**answers, "base": base}),
    )


def systems(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return every operating system that any release has."""
    labels = {name: system.display for name, system in catalogue.systems.items()}
    return _listed(labels, lambda os: _why(catalogue, {**answers, "os": os}))


def pythons(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return every Python that any release has, those for the chosen system first."""
    ours = catalogue.releases[answers["release"]].systems[answers["os"]].pythons
    others = (pins.pythons for release in catalogue.releases.values() for pins in release.systems.values())
    versions = dict.fromkeys([*ours, *(python for pythons in others for python in pythons)])
    return _listed(
        {python: python for python in versions}, lambda python: _why(catalogue, {**answers, "python": python})
    )


def bundles(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return the bundles; one that no IDE goes with is impossible too.

    Only the rules are asked here: composing every bundle with every IDE would be felt.
    """

    seen = at_release(catalogue, answers["release"])

    def why(bundle: str) -> str:
        chosen = {**answers, "bundle": bundle}
        if reason := _why(catalogue, chosen):
            return reason
        found = {}
        for ide in seen.ides:
            if not (reason := _why(catalogue, {**chosen, "ide": ide})):
                return ""
            found[reason] = ide
        return f"no IDE goes with it: {'; '.join(found)}" if found else "the catalogue has no IDE"

    return _listed({name: bundle.display for name, bundle in seen.bundles.items()}, why)


def holds_two(catalogue: Catalogue, answers: Answers) -> bool:
    """Return whether the base that is chosen holds CUDA a second time; who asked for compilers keeps them."""
    if answers.get("base") != "cuda" or "python" not in answers or "bundle" not in answers:
        return False
    seen = at_release(catalogue, answers["release"])
    return holds_cuda_twice(seen, "cuda", answers["python"], answers["bundle"])


def thin_or_not(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return cuda-thin and cuda, each with what it means for the bundle that is chosen."""
    own = own_cuda(at_release(catalogue, answers["release"]), answers["bundle"], answers["python"])
    ours = catalogue.releases[answers["release"]].cuda.get("version", "")
    labels = {
        THIN: f"CUDA {own} of the wheels alone: {savings(catalogue, answers['release'], 'cuda', answers['os'])}",
        "cuda": f"CUDA {ours} of the base beside it, which the wheels do not use",
    }
    return _listed(labels, lambda base: _why(catalogue, {**answers, "base": base}))


def ides(catalogue: Catalogue, answers: Answers) -> list[Choice]:
    """Return the IDEs; one whose recipe could not be built is impossible, and says why."""
    seen = at_release(catalogue, answers["release"])
    labels = {name: ide.display for name, ide in seen.ides.items()}
    return _listed(labels, lambda ide: attempt(catalogue, selection_of({**answers, "ide": ide}))[1])


def _why(catalogue: Catalogue, answers: Answers) -> str:
    made = {name: answers.get(name, "") for name in ("release", "os", "python", "bundle", "ide")}
    return "; ".join(reasons(catalogue, base=base_of(answers), **made))


def _listed(labels: dict[str, str], why: Callable[[str], str]) -> list[Choice]:
    """Return a choice for each name; the name stands before its label unless every label says it."""
    if all(name in label for name, label in labels.items()):
        return [Choice(name, label, why(name)) for name, label in labels.items()]
    width = _column(labels)
    return [Choice(name, f"{name:<{width}}  {label}", why(name)) for name, label in labels.items()]


def _column(names: Iterable[str]) -> int:
    # One very long name must not push every label off the screen.
    return min(20, max(map(len, names)))
