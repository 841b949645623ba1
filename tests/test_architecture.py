"""The arrows of the package: which room may import which, and which libraries stay in one room."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY

# From the top down. A room imports the rooms below it, and the ground floor: every module that stands in workbench/
# itself, and registry/. The command line is one room: cli.py and verbs/.
ROOMS = (
    *(
        "verbs",
        "wizard",
        "launch",
        "models",
        "replicasets",
        "monobase",
        "export",
        "release",
        "attest",
        "lock",
        "images",
    ),
    *("recipes", "compose", "containerfile", "catalog"),
)
GROUND = "ground floor"
# Rooms that import less than what is below them. The ground floor is open to everybody.
ONLY = {
    "models": {"attest", "images", "monobase", "compose", "containerfile", "catalog"},
    "replicasets": set[str](),
    "monobase": {"catalog"},
    "lock": {"catalog"},
}
# Libraries that one folder has for itself.
CONFINED = {
    "questionary": "workbench/wizard/",
    "prompt_toolkit": "workbench/wizard/",
    "grpc": "workbench/images/buildkit/llb/",
    "google.protobuf": "workbench/images/buildkit/llb/",
    "cyclonedx": "workbench/attest/",
    "cryptography": "workbench/attest/signing/",
    "nacl": "workbench/attest/signing/",
}
# Rooms whose results depend on the catalogue alone, and what would make them depend on more.
PURE = ("catalog", "containerfile", "compose")
IMPURE = ("time", "socket", "ssl", "http", "urllib.request", "httpx", "grpc", "subprocess", "rich", *CONFINED)
CLOCKS = ("now", "today", "utcnow")
# What is not right yet, by file and what it imports, each with the reason. Keep it empty.
EXCEPTIONS: dict[tuple[str, str], str] = {}


@dataclass(frozen=True, slots=True)
class Import:
    """A module that a file imports, and the line."""

    path: str
    line: int
    module: str


def sources() -> dict[str, str]:
    """Return the text of every file of the package, by its path in the repository."""
    return {str(path.relative_to(REPOSITORY)): path.read_text() for path in (REPOSITORY / "workbench").rglob("*.py")}


@functools.cache
def parsed(path: str, text: str) -> ast.Module:
    return ast.parse(text, path)


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(files: Mapping[str, str]) -> list[Import]:
    """Return what the files import, inside functions too; of `from package import module` it is the module."""
    modules = set(map(module_of, files))
    found = []
    for path, text in files.items():
        package = module_of(path) if path.endswith("/__init__.py") else module_of(path).rpartition(".")[0]
        for node in ast.walk(parsed(path, text)):
            if isinstance(node, ast.Import):
                found += [Import(path, node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                module = ".".join([*above, *filter(None, [node.module])])
                for name in (f"{module}.{alias.name}" for alias in node.names):
                    inside = name in modules or not module.startswith("workbench")
                    found.append(Import(path, node.lineno, name if inside else module))
    return found


def room_of(module: str) -> str:
    """Return the room of a module of the package."""
    first = module.split(".")[1:2]
    if first == ["cli"]:
        return "verbs"
    return first[0] if first and first[0] in ROOMS else GROUND


def is_below(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def upward(files: Mapping[str, str]) -> Iterator[str]:
    """Yield every import that goes up, or into a room that this one must not know."""
    for each in imports(files):
        if not is_below(each.module, "workbench"):
            continue
        importer, imported = room_of(module_of(each.path)), room_of(each.module)
        if importer == imported or imported == GROUND:
            continue
        allowed = (
            importer != GROUND
            and ROOMS.index(importer) < ROOMS.index(imported)
            and imported in ONLY.get(importer, ROOMS)
        )
        if not allowed and (each.path, each.module) not in EXCEPTIONS:
            yield f"{each.path}:{each.line}: {importer} must not import {each.module}"


def strayed(files: Mapping[str, str]) -> Iterator[str]:
    """Yield every import of a library outside of the folder that has it for itself."""
    for each in imports(files):
        for library, folder in CONFINED.items():
            if is_below(each.module, library) and not each.path.startswith(folder):
                yield f"{each.path}:{each.line}: only {folder} imports {library}"


def impure(files: Mapping[str, str]) -> Iterator[str]:
    """Yield what makes a pure room depend on the clock, the network, other programs or a terminal."""
    pure = {path: text for path, text in files.items() if room_of(module_of(path)) in PURE}
    for each in imports(pure):
        for library in IMPURE:
            if is_below(each.module, library):
                yield f"{each.path}:{each.line}: a pure room must not import {library}"
    for path, text in pure.items():
        for node in ast.walk(parsed(path, text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
                yield f"{path}:{node.lineno}: a pure room must not read the clock"


def cycles(files: Mapping[str, str]) -> Iterator[str]:
    """Yield the modules of the ground floor that import each other in a circle: rooms cannot, as `upward` sees."""
    edges: dict[str, set[str]] = defaultdict(set)
    for each in imports(files):
        importer = module_of(each.path)
        if is_below(each.module, "workbench") and room_of(importer) == room_of(each.module) == GROUND:
            edges[part_of(importer)].add(part_of(each.module))
    for start in sorted(edges):
        reached, waiting = set[str](), [module for module in edges[start] if module != start]
        while waiting:
            module = waiting.pop()
            if module not in reached:
                reached.add(module)
                waiting += edges[module]
        if start in reached:
            yield f"workbench.{start} imports itself through others"


def part_of(module: str) -> str:
    """Return the name of a module of the ground floor, or of its package."""
    return module.split(".")[1] if "." in module else ""


CHECKS = (upward, strayed, impure, cycles)


@pytest.mark.parametrize("check", CHECKS)
def test_imports_point_down_and_libraries_stay_where_they_belong(check: object) -> None:
    assert callable(check)
    assert list(check(sources())) == []


def test_every_room_is_there_and_every_folder_is_a_room() -> None:
    folders = {path.parent.name for path in (REPOSITORY / "workbench").glob("*/__init__.py")}
    assert folders == {*ROOMS, "registry"}


def test_every_exception_is_needed() -> None:
    present = {(each.path, each.module) for each in imports(sources())}
    assert EXCEPTIONS.keys() <= present


@pytest.mark.parametrize(
    ("check", "path", "text", "complaint"),
    [
        (
            upward,
            "workbench/catalog/a.py",
            "from workbench.compose import b",
            "catalog must not import workbench.compose",
        ),
        (upward, "workbench/models/a.py", "def f():\n    from workbench.cli import main", "models must not import"),
        (upward, "workbench/models/a.py", "import workbench.verbs.new", "models must not import workbench.verbs.new"),
        (
            upward,
            "workbench/monobase/a.py",
            "from workbench.images.run_build import run_build",
            "monobase must not import",
        ),
        (upward, "workbench/errors.py", "from workbench.catalog import b", "ground floor must not import"),
        (upward, "workbench/monobase/a.py", "from ..images import make", "monobase must not import workbench.images"),
        (
            upward,
            "workbench/monobase/__init__.py",
            "from ..images import b",
            "monobase must not import workbench.images",
        ),
        (strayed, "workbench/verbs/new.py", "import questionary", "only workbench/wizard/ imports questionary"),
        (
            strayed,
            "workbench/images/a.py",
            "from google import protobuf",
            "only workbench/images/buildkit/llb/ imports",
        ),
        (impure, "workbench/compose/a.py", "from time import sleep", "a pure room must not import time"),
        (impure, "workbench/catalog/a.py", "import datetime\nx = datetime.date.today()", "must not read the clock"),
        (impure, "workbench/containerfile/a.py", "from urllib import request", "must not import urllib.request"),
    ],
)
def test_what_would_be_wrong_is_named_with_its_line(check: object, path: str, text: str, complaint: str) -> None:
    assert callable(check)
    (found,) = check({path: text, "workbench/images/make.py": "", "workbench/cli.py": ""})
    assert found.startswith(f"{path}:{text.count(chr(10)) + 1}: ")
    assert complaint in found


def test_a_circle_of_modules_is_named() -> None:
    files = {"workbench/tag.py": "import workbench.names", "workbench/names.py": "from workbench import tag"}
    assert [*cycles(files)] == [f"workbench.{name} imports itself through others" for name in ("names", "tag")]


def test_what_points_down_is_let_through() -> None:
    files = {
        "workbench/verbs/a.py": "from workbench.cli import main\nfrom workbench.catalog import b",
        "workbench/wizard/a.py": "import questionary",
        "workbench/catalog/a.py": "import datetime\nimport timeit\nfrom workbench import errors",
        "workbench/errors.py": "",
    }
    assert [complaint for check in CHECKS for complaint in check(files)] == []


def test_paths_are_those_of_the_repository() -> None:
    assert Path(REPOSITORY, "workbench/cli.py").exists()
    assert "workbench/cli.py" in sources()
