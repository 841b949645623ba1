"""The questions that make a recipe: the one table behind prompts, flags and files.

The wizard's pages, the flags, answers files, `[selection]` in recipe.toml, a release's `[defaults]` and
`[[recipes]]`, `matrix` and provenance follow it. A new question is a row here and a field of Selection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING

from workbench.catalog.bases import check_base
from workbench.names import check_date, check_release, python_folder

if TYPE_CHECKING:
    from workbench.catalog.values import Catalogue, Release

# Answers by the name of their question; those that are not given yet are missing.
Answers = Mapping[str, str]
# The names that can be chosen, each with the label that the wizard shows.
Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Selection:
    """The answers to all questions: what was chosen. The wizard, the flags and the answers file end in one of these.

    `base` is a base of the release or an image; `python` is written 3.11; `image` is the base image that a
    look-up found, empty for the name that the release gives it. A question that comes later gets a default
    here: what a recipe.toml means that lacks it, and what is not written there.

    `architecture` is the one that the image must be buildable for, "" for any: recipes are the same for all, so it is
    no part of them.
    """

    release: str
    date: str
    base: str
    os: str
    python: str
    bundle: str
    ide: str
    architecture: str = ""
    image: str = ""

    def as_answers(self) -> dict[str, str]:
        """Return the answers as recipe.toml has them: those that have a default only where they differ from it."""
        return {name: value for name, value in asdict(self).items() if value != _DEFAULTS.get(name)}

    def as_recorded(self) -> dict[str, str]:
        """Return the answers that a recipe is made of: all but that for which machines it was wanted."""
        return {name: value for name, value in self.as_answers().items() if name not in _NOT_RECORDED}


# What decides whether there is a recipe, and nothing in it.
_NOT_RECORDED = ("architecture",)
_DEFAULTS = {field.name: field.default for field in fields(Selection) if field.default is not MISSING}


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    `name` is its flag and its key; `label` stands before its answer in summaries, `title` is what the wizard
    asks, `what` how messages call an answer; `metavar` and `help` are its flag's. `check` returns an answer
    of the right form and raises UsageError for any other.

    `offered` returns what a release offers after the answers so far, from the catalogue as that release sees
    it; without it the answer is typed. `others` returns what exists elsewhere: the wizard shows it with the
    reason why it is impossible. Any other answer is an error, unless the question is `open`: then whoever takes
    the answer decides. `per_release`: a release with a folder of its own has its own names. `usual` is the
    default where the release has none, and `settle` mends a default that does not fit the other answers. One that is
    not `prompted` has no page in the wizard and is no axis of the matrix: whoever asks for recipes answers it.
    """

    name: str
    label: str
    title: str
    what: str
    metavar: str
    help: str
    check: Callable[[str], str] = str
    offered: Callable[[Catalogue, Answers], Names] | None = None
    others: Callable[[Catalogue, Answers], Names] | None = None
    open: bool = False
    per_release: bool = False
    usual: str = ""
    settle: Callable[[Catalogue, Answers], str] | None = None
    prompted: bool = True

    def known(self, catalogue: Catalogue, answers: Answers) -> dict[str, str]:
        """Return every name that exists, those that the release offers first; none where the answer is typed."""
        offered = self.offered(catalogue, answers) if self.offered else {}
        return {**offered, **(self.others(catalogue, answers) if self.others else {})}


def _check_python(text: str) -> str:
    python_folder(text)
    return text


def _release(catalogue: Catalogue, answers: Answers) -> Release:
    return catalogue.releases[answers["release"]]


def _with_broken(catalogue: Catalogue, kind: str, names: Names) -> Names:
    """Return `names` and those that could not be read: they exist, and the reason says what is wrong."""
    return {**names, **{name: name for name in catalogue.broken.get(kind, {}) if name not in names}}


def _releases(catalogue: Catalogue, answers: Answers) -> Names:
    return {name: release.display for name, release in catalogue.releases.items()}


def _broken_releases(catalogue: Catalogue, answers: Answers) -> Names:
    return _with_broken(catalogue, "release", {})


def _bases(catalogue: Catalogue, answers: Answers) -> Names:
    release = _release(catalogue, answers)
    return {name: base.label(release.cuda.get("version", "")) for name, base in release.bases.items()}


def _systems(catalogue: Catalogue, answers: Answers) -> Names:
    return {
        name: catalogue.systems[name].display
        for name in _release(catalogue, answers).systems
        if name in catalogue.systems
    }


def _all_systems(catalogue: Catalogue, answers: Answers) -> Names:
    return _with_broken(catalogue, "os", {name: system.display for name, system in catalogue.systems.items()})


def _pythons(catalogue: Catalogue, answers: Answers) -> Names:
    system = _release(catalogue, answers).systems.get(answers.get("os", ""))
    return {python: python for python in system.pythons} if system else {}


def _all_pythons(catalogue: Catalogue, answers: Answers) -> Names:
    systems = [system for release in catalogue.releases.values() for system in release.systems.values()]
    return {python: python for system in systems for python in system.pythons}


def _first_python(catalogue: Catalogue, answers: Answers) -> str:
    pythons, usual = _pythons(catalogue, answers), answers.get("python", "")
    return usual if usual in pythons or not pythons else next(iter(pythons))


def _architectures(catalogue: Catalogue, answers: Answers) -> Names:
    return {name: name for name in _release(catalogue, answers).architectures}


def _bundles(catalogue: Catalogue, answers: Answers) -> Names:
    bases = catalogue.releases[answers["release"]].bases if answers.get("release") in catalogue.releases else {}
    lists = base.lists if (base := bases.get(answers.get("base", ""))) else ""
    return {name: bundle.label(lists) for name, bundle in catalogue.bundles.items()}


def _broken_bundles(catalogue: Catalogue, answers: Answers) -> Names:
    return _with_broken(catalogue, "bundle", {})


def _ides(catalogue: Catalogue, answers: Answers) -> Names:
    return {name: ide.display for name, ide in catalogue.ides.items()}


def _broken_ides(catalogue: Catalogue, answers: Answers) -> Names:
    return _with_broken(catalogue, "ide", {})


QUESTIONS = (
    Question(
        "release",
        label="Release",
        title="Which release?",
        what="release",
        metavar="NAME",
        help="release, such as 2026a",
        check=check_release,
        offered=_releases,
        others=_broken_releases,
    ),
    Question(
        "date",
        label="Date",
        title="Which date? (YYYYMMDD, or latest)",
        what="date",
        metavar="YYYYMMDD",
        help="day of the build, or latest",
        check=check_date,
    ),
    Question(
        "base",
        label="Base",
        title="Which base?",
        what="base",
        metavar="BASE",
        help="base of the release, such as standard or cuda, or an image",
        check=check_base,
        offered=_bases,
        open=True,
        usual="standard",
    ),
    Question(
        "os",
        label="System",
        title="Which operating system?",
        what="operating system",
        metavar="NAME",
        help="operating system, such as bookworm",
        offered=_systems,
        others=_all_systems,
    ),
    Question(
        "python",
        label="Python",
        title="Which Python?",
        what="Python",
        metavar="X.Y",
        help="Python, such as 3.11",
        check=_check_python,
        offered=_pythons,
        others=_all_pythons,
        open=True,
        settle=_first_python,
    ),
    Question(
        "bundle",
        label="Bundle",
        title="Which bundle of libraries?",
        what="bundle",
        metavar="NAME",
        help="bundle of libraries, such as minimal",
        offered=_bundles,
        others=_broken_bundles,
        per_release=True,
    ),
    Question(
        "ide",
        label="IDE",
        title="Which IDE?",
        what="IDE",
        metavar="NAME",
        help="IDE, such as jupyter",
        offered=_ides,
        others=_broken_ides,
        per_release=True,
    ),
    Question(
        "architecture",
        label="Architecture",
        title="For which architecture?",
        what="architecture",
        metavar="NAME",
        help="architecture that it can be built for, such as aarch64 (this machine's)",
        offered=_architectures,
        open=True,
        prompted=False,
    ),
)
ANSWERS = tuple(question.name for question in QUESTIONS)
# What a release file may answer: it is the release, and only a build has a date.
IN_RELEASE = tuple(name for name in ANSWERS if name not in ("release", "date"))
# What must be answered, in a recipe.toml and in a row of [[recipes]].
REQUIRED = tuple(name for name in ANSWERS if name not in _DEFAULTS)
# The keys of an answers file.
KEYS = tuple(field.name for field in fields(Selection))


def by_name(name: str) -> Question:
    """Return the question `name`."""
    return next(question for question in QUESTIONS if question.name == name)


def differences(old: Selection, new: Selection) -> dict[str, tuple[str, str]]:
    """Return the answers that are not the same in both, by name, with the old and the new one."""
    before, now = asdict(old), asdict(new)
    return {name: (before[name], now[name]) for name in KEYS if before[name] != now[name]}
