"""axe-core on a page in a browser: what it finds that is serious. Fetched with npm once, and kept from run to run."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.errors import WorkbenchError
from workbench.files import cache_folder
from workbench.replicasets.api.libraries import LibraryPackage, fetch

if TYPE_CHECKING:
    from playwright.sync_api import Page

PACKAGE = LibraryPackage(**tomllib.loads(Path(__file__).with_suffix(".toml").read_text()))
_FOUND = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).flatMap(
        ({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}"""


def need_axe() -> str:
    """Return the program; skips the test where it is not here yet and npm cannot get it."""
    folder = Path(cache_folder("tests-axe"))
    ((name, digest),) = PACKAGE.files.items()
    path = folder / name
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        if shutil.which("npm") is None:
            pytest.skip("npm not installed, which fetches axe-core")
        try:
            fetch(str(folder), [PACKAGE])
        except WorkbenchError as error:
            pytest.skip(error.message)
    return path.read_text()


def serious(page: Page, axe: str) -> list[str]:
    """Return what axe-core calls serious or critical of the page as it is shown now, by rule and element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)  # past the page's policy, which lets no script be added
    found: list[str] = page.evaluate(_FOUND)
    return found
