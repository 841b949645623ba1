"""Why a choice is impossible, in words: the one place for the wizard, the flags and the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workbench.catalog.bases import BaseDefinition, find_base
from workbench.catalog.builds import without_build
from workbench.catalog.questions import Answers
from workbench.catalog.releases import RETIRED
from workbench.catalog.unavailable import missing_reasons
from workbench.catalog.values import Bundle, Catalogue, Ide, Release, Rules
from workbench.names import list_folder


def reasons(catalogue: Catalogue, answers: Answers) -> Iterator[str]:
    """Yield every reason why these answers do not go together; one that is missing or empty is not given yet.

    `catalogue` is as the release of the answers sees it (`at_release`), and the names must exist there. The
    rules are data: the release file, bundle.toml, ide.toml and the folders that a bundle has.
    """
    release, os, python = answers["release"], answers.get("os", ""), answers.get("python", "")
    pins = catalogue.releases.get(release)
    if pins is None:
        yield from broken_reasons(catalogue, "release", release)
        return
    base = find_base(pins.bases, answers["base"]) if answers.get("base") else None
    bundle, ide = catalogue.bundles.get(answers.get("bundle", "")), catalogue.ides.get(answers.get("ide", ""))
    if pins.state == RETIRED:
        yield _retired(pins)
    for kind in ("os", "bundle", "ide"):
        yield from broken_reasons(catalogue, kind, answers.get(kind, ""))
    if base and base.cuda and not base.is_foreign and "version" not in pins.cuda:
        yield f"release {release} pins no CUDA"
    if base and base.compilers and os in pins.systems and os in catalogue.systems:
        yield from nvcc_reasons(catalogue, release, os)
    yield from architecture_reasons(catalogue, answers)
    if os and os not in pins.systems:
        yield f"release {release} has no operating system {os}"
    elif os and python and python not in pins.systems[os].pythons:
        yield f"release {release} has no Python {python} on {os} (it has {', '.join(pins.systems[os].pythons)})"
    if bundle:
        yield from _rule_reasons(f"bundle {bundle.name}", bundle.rules, base, os, python)
        if python:
            yield from _python_reasons(bundle, python, base)
    if ide:
        yield from _rule_reasons(f"IDE {ide.name}", ide.rules, base, os, python)
    for what, part in (("bundle", bundle), ("IDE", ide)):
        if part and os in pins.systems and os in catalogue.systems:
            yield from missing_reasons(catalogue, part, f"{what} {part.name}", os)
    if bundle and ide:
        yield from _pair_reasons(catalogue, bundle, ide)


def architecture_reasons(catalogue: Catalogue, answers: Answers) -> Iterator[str]:
    """Yield what is not for the architecture of the answers, if they name one; they are those that `reasons` takes.

    That can be the release, a base, a bundle, an IDE, or packages without a build.
    """
    architecture, pins = answers.get("architecture", ""), catalogue.releases[answers["release"]]
    if not architecture:
        return
    if architecture not in pins.architectures:
        yield f"release {pins.name} is for {_listed(pins.architectures)} only, and not for {architecture}"
        return
    base = find_base(pins.bases, answers["base"]) if answers.get("base") else None
    bundle, ide = catalogue.bundles.get(answers.get("bundle", "")), catalogue.ides.get(answers.get("ide", ""))
    named = (
        *([(f"the base {base.name}", base.architectures)] if base else ()),
        *([(f"bundle {bundle.name}", bundle.rules.architectures)] if bundle else ()),
        *([(f"IDE {ide.name}", ide.rules.architectures)] if ide else ()),
    )
    for what, known in named:
        if known is not None and architecture not in known:
            yield f"{what} is for {_listed(known)} only, and not for {architecture}"
    if bundle and answers.get("python"):
        folder = list_folder(answers["python"], base.lists if base else "")
        for name, packages in without_build(catalogue.tree, f"{bundle.folder}/{folder}", architecture).items():
            if name == "requirements.txt" or (ide and name == f"requirements-{ide.name}.txt"):
                what = f"bundle {bundle.name}" if name == "requirements.txt" or not ide else f"IDE {ide.name}"
                yield f"{what} needs {', '.join(packages)}, of which there is no build for {architecture}"


def broken_reasons(catalogue: Catalogue, kind: str, name: str) -> Iterator[str]:
    """Yield what keeps `name` (a release, os, bundle or ide, as `kind` says) from being read, if anything does."""
    yield from (f"{where}: {message}" for where, message in catalogue.broken.get(kind, {}).get(name, ()))


def _retired(release: Release) -> str:
    ended = f"its support ended on {release.until}" if release.until else ""
    why = ", ".join(text for text in (release.reason, ended) if text)
    return f"release {release.name} is retired" + (f": {why}" if why else "")


def nvcc_reasons(catalogue: Catalogue, release: str, os: str) -> Iterator[str]:
    """Yield why `os` has no compiler for the CUDA of `release`, if it has none."""
    pins, family = catalogue.releases[release], catalogue.systems[os].family
    if pins.nvcc is not None and family not in pins.nvcc:
        yield f"CUDA {pins.cuda.get('version', '')} has no nvcc in the packages that {os} ({family}) takes it from"


def _rule_reasons(what: str, rules: Rules, base: BaseDefinition | None, os: str, python: str) -> Iterator[str]:
    why = f": {rules.cuda_why}" if rules.cuda_why else ""
    if base and rules.cuda == "required" and not base.cuda:
        yield f"{what} needs a CUDA base{why}"
    if base and rules.cuda == "never" and base.cuda:
        yield f"{what} does not go on a CUDA base{why}"
    if os and rules.oses is not None and os not in rules.oses:
        yield f"{what} is for {_listed(rules.oses)} only"
    if python and rules.pythons is not None and python not in rules.pythons:
        yield f"{what} is for Python {_listed(rules.pythons)} only"


def _python_reasons(bundle: Bundle, python: str, base: BaseDefinition | None) -> Iterator[str]:
    lists = base.lists if base else ""
    folder, what = list_folder(python, lists), f"Python {python}"
    if base and lists:
        what += f" on the base {base.name}"
    if folder in bundle.unlocked:
        yield f"bundle {bundle.name} has no packages for {what}: {folder} {bundle.unlocked[folder]}"
    elif folder not in bundle.pythons and (lists or not bundle.any_python):
        yield f"bundle {bundle.name} has no packages for {what} (no folder {folder})"


def _pair_reasons(catalogue: Catalogue, bundle: Bundle, ide: Ide) -> Iterator[str]:
    if bundle.rules.partners is not None and ide.name not in bundle.rules.partners:
        yield f"bundle {bundle.name} goes with {_listed(bundle.rules.partners)} only"
    if ide.rules.partners is not None and bundle.name not in ide.rules.partners:
        yield f"IDE {ide.name} goes with bundle {_listed(ide.rules.partners)} only"
    provided = {*bundle.rules.provides, *ide.rules.provides}
    # By its name, each provides something to the other only: an IDE langflow brings no Langflow to itself.
    if missing := [need for need in ide.rules.needs if need not in {bundle.name, *provided}]:
        yield f"IDE {ide.name} {_needs(missing, 'bundle', catalogue.bundles)}"
    if missing := [need for need in bundle.rules.needs if need not in {ide.name, *provided}]:
        yield f"bundle {bundle.name} {_needs(missing, 'IDE', catalogue.ides)}"


def _needs(missing: list[str], kind: str, others: Mapping[str, Bundle] | Mapping[str, Ide]) -> str:
    """Return which of `others`, of that `kind`, have all that is `missing`: their names mean more than a capability."""
    able = [name for name, other in others.items() if {*missing} <= {name, *other.rules.provides}]
    if able:
        return f"goes with {kind} {_listed(tuple(able))} only"
    return f"needs {' and '.join(missing)}, which no {kind} provides"


def _listed(names: tuple[str, ...]) -> str:
    return " or ".join(names) if names else "nothing"
