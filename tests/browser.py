"""A page in a real browser, headless Chromium, that leaves a picture of how it ended."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine import SHORT, search_path

if TYPE_CHECKING:
    from playwright.sync_api import Page

_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


def need_chromium() -> str:
    """Return the path of Chromium; skips the test where it is not installed."""
    found = shutil.which("chromium", path=search_path())
    if found is None:
        pytest.skip("chromium not installed")
    return found


@contextmanager
def page_in(chromium: str, picture: Path, *, seconds: float = 90, options: tuple[str, ...] = ()) -> Iterator[Page]:
    """Yield an empty page that waits `seconds` at most for what is looked for; `picture` shows it at the end.

    `options` are more of Chromium's own.
    """
    from playwright.sync_api import expect, sync_playwright

    # The browser has a socket in a folder below it.
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = SHORT
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=[*_OPTIONS, *options])
            page = browser.new_page(viewport={"width": 1200, "height": 800})
            page.set_default_timeout(seconds * 1000)
            # Five seconds by default, which a page on a busy machine may need for one response.
            expect.set_options(timeout=seconds * 1000)
            try:
                yield page
            finally:
                page.screenshot(path=picture)
                browser.close()
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def run_first_cell(page: Page, kernel: str = "Python") -> str:
    """Make a notebook in an open JupyterLab, run `print(6*7)` in its first cell, and return the cell's output.

    `kernel` is what the name of the kernel on its card begins with.
    """
    from playwright.sync_api import TimeoutError

    # A busy machine: the style of the page came too late for JupyterLab, which says so in front of everything.
    late = page.locator(".jp-Dialog", has_text="Error Loading Theme")
    page.add_locator_handler(late, lambda dialog: dialog.locator(".jp-mod-accept").click())
    page.locator(f".jp-LauncherCard[data-category='Notebook'][title^='{kernel}']").first.click()
    cell = page.locator(".jp-Notebook .jp-Cell .cm-content").first
    output = page.locator(".jp-Notebook .jp-OutputArea-output").first
    for last in (False, False, False, True):
        # A notebook that is still opening takes the keys for its own: then they are pressed again.
        try:
            cell.click(timeout=30_000)
            cell.fill("print(6*7)")
            cell.press("Control+Enter")
            output.wait_for(timeout=30_000)
            break
        except TimeoutError:
            if last:
                raise
            dialog = page.locator(".jp-Dialog").first
            if dialog.is_visible():
                # In front of the notebook, and nothing that the test has to do with: its words are for the summary.
                warnings.warn(f"a dialog of JupyterLab's: {dialog.inner_text()!r}", stacklevel=2)
                dialog.locator("button").last.click()
    return output.inner_text().strip()
