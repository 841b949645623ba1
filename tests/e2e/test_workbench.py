"""As a new user does it: `make workbench` in a clone and a terminal, with nothing in podman, and one consent."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from pathlib import Path

import pexpect
import pytest

from tests.addresses import is_kept
from tests.browser import need_chromium, page_in, run_first_cell
from tests.command import wizard
from tests.engine import BaseChoice, Engine, search_path

pytestmark = pytest.mark.thorough

# What a build from nothing may take on a loaded machine.
_PATIENCE = 1500
_OPEN = re.compile(r"The workbench is open: (http://127\.0\.0\.1:\d+/\?token=\S+)")


@pytest.mark.timeout(3600)
def test_from_a_clone_to_a_notebook_that_is_kept(nothing: Engine, clone: Path, tmp_path: Path) -> None:
    browser = need_chromium()
    opened = clone / "opened"
    show = clone / "browser"
    show.write_text(f'#!/bin/sh\necho "$1" >{opened}\n')
    show.chmod(0o755)
    bundle = {"WORKBENCH_CA_BUNDLE": os.environ["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in os.environ else {}
    env = {**os.environ, **bundle, "PATH": search_path(), "TERM": "xterm-256color", "BROWSER": str(show)}
    # Of the day that the other tests' images have, for they stand on what is made here.
    terminal = pexpect.spawn(
        "make",
        ["workbench", f"DATE={BaseChoice().date}"],
        cwd=str(clone),
        env=env,
        encoding="utf-8",
        dimensions=(40, 160),
    )
    with (tmp_path / "terminal.txt").open("w") as log:
        terminal.logfile_read = log
        terminal.expect_exact("Do it? [Y/n]", timeout=120)
        assert "root image" in str(terminal.before) and "will be made from packages" in str(terminal.before)
        terminal.sendline()
        terminal.expect(_OPEN, timeout=_PATIENCE)
        assert terminal.match is not None and not isinstance(terminal.match, type)
        address = str(terminal.match.group(1))
        terminal.expect(pexpect.EOF, timeout=60)
    terminal.close()
    assert terminal.exitstatus == 0
    assert opened.read_text().strip() == address

    assert cell_of(browser, address, tmp_path / "notebook.png") == "42"

    (name,) = {one["name"] for one in json.loads(wizard("ps", "--json", cwd=clone).stdout)}
    assert wizard("stop", name, cwd=clone).returncode == 0
    again = wizard("run", name, "--no-browser", cwd=clone)
    found = _OPEN.search(again.stdout)
    assert found is not None and is_kept(address, found[1]), again.stderr
    assert "print(6*7)" in contents(found[1], "Untitled.ipynb")
    assert wizard("stop", "--delete-files", name, cwd=clone).returncode == 0


def cell_of(browser: str, address: str, picture: Path) -> str:
    """Open JupyterLab at the printed address, run a cell of a new notebook, save it, and return the cell's output."""
    with page_in(browser, picture, seconds=120) as page:
        page.goto(address)
        text = run_first_cell(page)
        page.locator(".jp-Notebook .jp-Cell .cm-content").first.press("Control+s")
        # The first time it asks for a name; the one that the notebook has will do.
        page.locator(".jp-Dialog .jp-mod-accept").first.click()
        page.wait_for_function("() => !document.querySelector('.jp-Dialog')")
        page.wait_for_timeout(2000)
    return text


def contents(address: str, path: str) -> str:
    base, _, query = address.partition("?")
    with urllib.request.urlopen(f"{base}api/contents/{path}?{query}", timeout=60) as response:
        return "".join(cell["source"] for cell in json.load(response)["content"]["cells"])
