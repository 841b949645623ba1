"""What a bundle needs of a GPU machine, and what will not work there: the doctor's reasoning, without a machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.catalog.bases import thin_base
from workbench.catalog.compatibility import CompatibilityTable, FrameworkVersion, read_compatibility, version_key
from workbench.catalog.own_cuda import locked, savings
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Bundle, Catalogue
from workbench.catalog.views import at_release
from workbench.errors import WorkbenchError
from workbench.names import pick, python_folder

OK, WARNING, WRONG, NOT_CHECKED = "ok", "warning", "wrong", "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of the doctor: what it is about, its state, and a sentence."""

    about: str
    state: str
    says: str


@dataclass(frozen=True, slots=True)
class GpuMachine:
    """A GPU machine as far as it is known: its driver, and the compute capability of its oldest GPU; or empty."""

    driver: str = ""
    capability: str = ""


def diagnose(catalogue: Catalogue, release: str, bundle: str, python: str, machine: GpuMachine) -> list[Finding]:
    """Return the findings about `bundle` for `python` ("3.11") in `release` on `machine`.

    Raises WorkbenchError when one of the names is unknown or the bundle is not for that Python,
    FaultsError when the table of pairs cannot be read.
    """
    catalogue.release(release)
    # What goes with what is known better today than when a release was frozen.
    pairs, catalogue = read_compatibility(catalogue.tree), at_release(catalogue, release)
    catalogue.refuse_broken("bundle", bundle)
    chosen = catalogue.bundles[pick(bundle, catalogue.bundles, "bundle")]
    pins = _pins(catalogue, chosen, python)
    found = [*_release(catalogue, release, pairs, machine)]
    for name in pairs.frameworks:
        if name in pins:
            found += _framework(name, pins, pairs, python)
    found += _brought(catalogue, release, pins, pairs, machine)
    if "version" in catalogue.releases[release].cuda:
        base = next(base.name for base in catalogue.releases[release].bases.values() if base.cuda)
        why = reasons(catalogue, {"release": release, "base": base, "bundle": bundle})
        found += [Finding("the CUDA bases", WARNING, reason) for reason in why]
    return found


def _locked(pins: Mapping[str, str], wheels: Sequence[str]) -> str:
    """Return the version of the first of `wheels` that the lock has, "" when it has none."""
    return next((pins[name] for name in wheels if name in pins), "")


def _pins(catalogue: Catalogue, bundle: Bundle, python: str) -> dict[str, str]:
    folder = python_folder(python)
    if folder not in bundle.pythons:
        if bundle.any_python:
            return {}
        raise WorkbenchError(
            f"bundle {bundle.name} has no packages for Python {python}", hint=f"it has {', '.join(bundle.pythons)}"
        )
    return locked(catalogue, bundle.name, python)


def _release(catalogue: Catalogue, release: str, pairs: CompatibilityTable, machine: GpuMachine) -> Iterator[Finding]:
    cuda = catalogue.releases[release].cuda
    if "version" not in cuda:
        yield Finding(f"release {release}", OK, "pins no CUDA")
        return
    yield from _driver(
        f"release {release}, CUDA {cuda['version']}", cuda["version"], pairs, machine, cuda.get("driver")
    )


def _driver(
    about: str, version: str, pairs: CompatibilityTable, machine: GpuMachine, pinned: str | None = None
) -> Iterator[Finding]:
    """Yield what driver and GPU a CUDA version needs (`pinned`: by the release), and whether the machine has them."""
    family = version.partition(".")[0]
    least = pinned or pairs.drivers.get(family)
    if least is None:
        yield Finding(about, WARNING, f"the least driver of CUDA {family} is not known")
        return
    if not machine.driver:
        yield Finding(about, NOT_CHECKED, f"needs driver {least} or newer; give --driver VERSION to check one")
    elif version_key(machine.driver) < version_key(least):
        yield Finding(about, WRONG, f"needs driver {least} or newer, and this machine has {machine.driver}")
    else:
        yield Finding(about, OK, f"needs driver {least} or newer; this machine has {machine.driver}")
    oldest = pairs.architectures.get(family)
    if oldest and machine.capability and version_key(machine.capability) < version_key(oldest):
        yield Finding(
            about,
            WRONG,
            f"needs a GPU of compute capability {oldest} or newer, and here is one of {machine.capability}",
        )


def _framework(name: str, pins: Mapping[str, str], pairs: CompatibilityTable, python: str) -> Iterator[Finding]:
    version = pins[name].partition("+")[0]
    about = f"{name} {pins[name]}"
    row: FrameworkVersion | None = pairs.frameworks[name].get(version)
    if row is None:
        yield Finding(about, WARNING, "is not in releases/compat.toml: what it goes with is not known")
        return
    if python not in row.pythons:
        yield Finding(about, WRONG, f"has no wheels for Python {python}, only for {', '.join(row.pythons)}")
    for other, wanted in row.goes_with.items():
        if other in pins and pins[other].partition("+")[0] != wanted:
            yield Finding(about, WRONG, f"goes with {other} {wanted}, and the lock has {pins[other]}")
    cuda, cudnn = _locked(pins, pairs.cuda_wheels), _locked(pins, pairs.cudnn_wheels)
    if not cuda:
        yield Finding(about, WARNING, "is locked without CUDA: it computes on the CPU")
        return
    for what, brings, has in (("CUDA", row.cuda, cuda), ("cuDNN", row.cudnn, cudnn)):
        # The last numbers float in some frameworks' metadata.
        if brings.split(".")[:2] != has.split(".")[:2]:
            yield Finding(about, WARNING, f"is known with {what} {brings}, and the lock has {has or 'none'}")
    yield Finding(about, OK, f"brings CUDA {cuda}{' and cuDNN ' + cudnn if cudnn else ''} in its wheels")


def _brought(
    catalogue: Catalogue, release: str, pins: Mapping[str, str], pairs: CompatibilityTable, machine: GpuMachine
) -> Iterator[Finding]:
    """Yield what CUDA and cuDNN the wheels in the lock bring, beside those of the release."""
    cuda = catalogue.releases[release].cuda
    if not (runtime := _locked(pins, pairs.cuda_wheels)):
        return
    yield from _driver(f"the bundle's own CUDA {runtime}", runtime, pairs, machine)
    ours = cuda.get("version", "")
    if ours and runtime.split(".")[:2] != ours.split(".")[:2]:
        yield Finding(
            f"the bundle's own CUDA {runtime}", WARNING, f"is another one than the release's {ours}; each uses its own"
        )
    pinned = catalogue.releases[release]
    if ours and (thin := thin_base(pinned.bases)):
        than = f"{savings(pinned, pinned.bases[thin.thin_for])} than on {thin.thin_for}"
        yield Finding(
            f"the base {thin.name}", OK, f"suits it: its wheels bring their own CUDA, and the image is {than}"
        )
    cudnn = _locked(pins, pairs.cudnn_wheels)
    if cudnn and cuda.get("cudnn") and cudnn.split(".")[:2] != cuda["cudnn"].split(".")[:2]:
        yield Finding(f"the bundle's own cuDNN {cudnn}", WARNING, f"is another one than the release's {cuda['cudnn']}")
