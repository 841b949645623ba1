"""What a catalogue holds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.catalog.bases import BaseDefinition
from workbench.catalog.faults import Fault
from workbench.catalog.layers import LayerRule
from workbench.catalog.tree import CatalogueTree
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.names import pick


@dataclass(frozen=True, slots=True)
class Rules:
    """What a `bundle.toml` or `ide.toml` says about what goes with it; None means anything.

    `cuda` is required, optional or never, and `cuda_why` says why; `partners` are the IDEs of a
    bundle or the bundles of an IDE; `needs` and `provides` are free words, and a bundle provides its
    own name too.
    """

    cuda: str = "optional"
    cuda_why: str = ""
    oses: tuple[str, ...] | None = None
    pythons: tuple[str, ...] | None = None
    partners: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    architectures: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle of libraries: `folder` relative to the catalogue, paths by variant ("" is the plain one).

    `pythons` maps a folder such as py311 (py311-cpu: for bases that have the lists "cpu") to the names of the
    requirement files in it; `unlocked` maps those without requirements.txt to what is wrong. `extends` is the bundle
    that it builds on, and `above` all of them, the one at the bottom first. `displays` are the labels that it has on
    bases with lists of their own, by those.
    """

    name: str
    folder: str
    display: str
    rules: Rules
    builder: Mapping[str, str]
    os_packages: Mapping[str, str]
    custom: Mapping[str, str]
    pythons: Mapping[str, tuple[str, ...]]
    any_python: bool
    extends: str = ""
    above: tuple[str, ...] = ()
    unlocked: Mapping[str, str] = field(default_factory=dict)
    displays: Mapping[str, str] = field(default_factory=dict)

    def label(self, lists: str) -> str:
        """Return how it is shown on a base that has the package lists `lists`, "" for the plain ones."""
        return self.displays.get(lists, self.display)


@dataclass(frozen=True, slots=True)
class Ide:
    """An IDE, or the runtime without one: `builder`, `snippet` and `os_packages` are paths by variant.

    `uses` names the folders of `snippets/` whose files it takes along; `shared_packages` are the package lists of
    each of those, by variant. `extensions` are those of VS Code that come built in, as the release pins them.
    `options` are the package lists of what can be chosen, by option and variant, and `chosen` those of them that are.
    """

    name: str
    folder: str
    display: str
    rules: Rules
    image_type: str
    uses: tuple[str, ...]
    builder: Mapping[str, str]
    snippet: Mapping[str, str]
    os_packages: Mapping[str, str]
    shared_packages: tuple[Mapping[str, str], ...] = ()
    extensions: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class System:
    """An operating system: `family` (debian, rhel) chooses among snippets and package lists.

    `unavailable` are packages that its own index is known not to have.
    """

    name: str
    display: str
    family: str
    commands: tuple[str, ...]
    unavailable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReleaseSystem:
    """What a release pins of one operating system: its root image, by name, tag and digest, and its Pythons.

    `digest` is empty where none is known; the first of the Pythons is the system's default.
    """

    image: str
    pythons: tuple[str, ...]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class SecurityFix:
    """A package that has a fault before version `fixed`, as `advisory` describes."""

    package: str
    fixed: str
    advisory: str


@dataclass(frozen=True, slots=True)
class SecurityException:
    """A known hole that a release lives with for a `reason`, until the day `until` (as 2026-11-22; "": always)."""

    package: str
    advisory: str
    reason: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of a frozen release that is no newer z: its day, as 2026-11-22, and its reason."""

    day: str
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """A release: `path` of its file, the repository that its images live in, what it pins.

    `state` is open, frozen or retired, and `reason` why it is retired. `own` is its folder, which
    holds its locks and, when it is frozen, all that it is made from; "" when it takes the catalogue's.
    `since` and `until` are the first and last day of its support, as 2026-11-22, or empty.
    `cuda` are the words of its CUDA table, `cuda_rpms` the packages of each layer on systems that
    have RPMs, `cuda_sizes` the measured bytes that each layer adds, by system, `nvcc` the families of
    systems that have a compiler for it (None: all).
    `tools` are programs that no package list pins: by name, then by operating system or family,
    what is known of them, such as version and sha256; `extensions` are those of VS Code by name, with the same.
    `recipes` are the answers of each recipe of its
    standard set, but for release and date. `record` are the digests that the record of a frozen release may
    have: one, or two while it is being changed. `amended` is what was changed in it since it was frozen.
    `architectures` are those that its images can be built for, as the kernel names them. `layers` divides its lists of
    Python packages.
    """

    name: str
    path: str
    display: str
    state: str
    repository: str
    defaults: Mapping[str, str]
    cuda: Mapping[str, str]
    cuda_rpms: Mapping[str, tuple[str, ...]]
    cuda_sizes: Mapping[str, Mapping[str, int]]
    nvcc: tuple[str, ...] | None
    tools: Mapping[str, Mapping[str, Mapping[str, str]]]
    systems: Mapping[str, ReleaseSystem]
    bases: Mapping[str, BaseDefinition]
    reason: str = ""
    record: tuple[str, ...] = ()
    amended: tuple[Amendment, ...] = ()
    own: str = ""
    since: str = ""
    until: str = ""
    recipes: tuple[Mapping[str, str], ...] = ()
    security: tuple[SecurityFix, ...] = ()
    exceptions: tuple[SecurityException, ...] = ()
    architectures: tuple[str, ...] = ("x86_64",)
    extensions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layers: LayerRule = field(default_factory=LayerRule)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that can be chosen, each kind by official name in the order it is shown.

    What cannot be read is in `broken`: by kind (release, os, bundle, ide), then by name, with what is wrong. It stops
    whoever needs it and nobody else. `faults` is all that is wrong, that included.
    """

    tree: CatalogueTree
    releases: Mapping[str, Release]
    systems: Mapping[str, System]
    bundles: Mapping[str, Bundle]
    ides: Mapping[str, Ide]
    broken: Mapping[str, Mapping[str, tuple[Fault, ...]]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def release(self, name: str) -> Release:
        """Return the release `name`.

        Raises FaultsError with what is wrong with its file, and WorkbenchError when there is no such release.
        """
        self.refuse_broken("release", name)
        return self.releases[pick(name, self.releases, "release")]

    def newest(self) -> Release:
        """Return the newest release by name; raises as `release` does, also when there is none."""
        names = sorted([*self.releases, *self.broken.get("release", {})], reverse=True)
        if not names:
            hint = f"`{here('release new --help')}` makes one"
            raise WorkbenchError("the catalogue has no release", where="releases", hint=hint)
        return self.release(names[0])

    def refuse_broken(self, kind: str, name: str) -> None:
        """Raise FaultsError when `name` is a release, os, bundle or ide that could not be read, as `kind` says."""
        if faults := self.broken.get(kind, {}).get(name):
            what = {"os": "operating system", "ide": "IDE"}.get(kind, kind)
            count = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
            raise FaultsError(
                f"the {what} {name} has {count}", list(faults), hint=f"`{here('check')}` shows all faults"
            )

    def variants(self, os: str) -> tuple[str, ...]:
        """Return the variants that serve `os`, the most particular first: its name, family, plain."""
        return (os, self.systems[os].family, "")

    def variant(self, paths: Mapping[str, str], os: str) -> str | None:
        """Return the path of the variant that serves `os`, or None when there is none."""
        return next((paths[kind] for kind in self.variants(os) if kind in paths), None)
