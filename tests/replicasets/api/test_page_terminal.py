"""The page's terminal in a browser, on real podman: a shell, programs of a whole screen, sizes, and its ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import need_chromium, page_in
from tests.engine import TINY
from tests.replicasets.api.conftest import until
from tests.replicasets.api.test_service import Process, serving
from tests.replicasets.conftest import Podman
from workbench.errors import WorkbenchError
from workbench.files import cache_folder
from workbench.replicasets.api.libraries import DIGESTS, FOLDER, Libraries, fetch

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

__all__ = ["serving"]
pytestmark = pytest.mark.thorough


PASTE = """() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', ('x'.repeat(1023) + '\\n').repeat(300));
    const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true });
    document.querySelector('#screen textarea').dispatchEvent(paste);
}"""


@pytest.fixture(scope="module")
def libraries() -> Path:
    """What the terminal is made of, which is kept from run to run."""
    folder = Path(cache_folder("tests-page"))
    if any(Libraries(str(folder)).read(name) is None for name in DIGESTS):
        if shutil.which("npm") is None:
            pytest.skip("npm not installed")
        try:
            fetch(str(folder))
        except WorkbenchError as error:
            pytest.skip(error.message)
    return folder


@pytest.fixture
def page(serving: Process, libraries: Path, tmp_path: Path) -> Iterator[Page]:
    """The page, with a set foo that is made there; what its scripts and its policy complain of is a fault."""
    with page_in(need_chromium(), tmp_path / "terminal.png", seconds=60) as found:
        faults: list[str] = []
        found.on("pageerror", lambda error: faults.append(str(error)))
        found.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        found.set_viewport_size({"width": 1280, "height": 1000})
        found.goto(serving.address)
        found.get_by_label("Token").fill((serving.state / "operate.token").read_text())
        found.get_by_role("button", name="Look in").click()
        found.get_by_role("button", name="New set").click()
        found.get_by_label("Name", exact=True).fill("foo")
        found.get_by_label("Image", exact=True).select_option(TINY)
        found.get_by_label("GPUs", exact=True).fill("1")
        found.get_by_role("button", name="Create").click()
        found.get_by_role("button", name="Terminal foo").click()
        found.locator("#message", has_text="not installed: `serve --fetch-terminal`").wait_for()
        # It is there as soon as it was fetched.
        shutil.copytree(libraries, serving.state / FOLDER)
        found.reload()
        found.get_by_role("button", name="Details of foo").click()
        found.get_by_role("button", name="Terminal foo").click()
        yield found
        assert faults == []


def rows(page: Page) -> Locator:
    return page.locator("#screen .xterm-rows")


def shown(page: Page) -> str:
    # Blanks are not breaking ones on the screen.
    return rows(page).inner_text().replace("\xa0", " ")


def test_a_terminal_on_the_page(page: Page, serving: Process, podman: Podman) -> None:
    from playwright.sync_api import expect

    def shows(*texts: str) -> None:
        until(lambda: all(text in shown(page) for text in texts))

    def running(what: str) -> Callable[[], bool]:
        return lambda: what in podman.engine("top", "foo-1", "args")

    screen = page.locator("#screen textarea")
    expect(screen).to_be_focused()
    shows("# ")  # a shell that begins loses what was typed before its prompt
    page.keyboard.type("echo $TERM; stty size; printf 'ä €\\n\\033[31mred\\033[38;2;1;2;3mdark\\033[0m\\n'\n")
    shows("xterm-256color", "ä €", "\nreddark")
    # Colours are there, of the palette and others, though the page's policy allows no styles that are written into it.
    colours = "[...document.querySelectorAll('#screen .xterm-rows span')].map((e) => getComputedStyle(e).color)"
    assert {"rgb(204, 0, 0)", "rgb(1, 2, 3)"} <= set(page.evaluate(colours))
    wide = size(shown(page))
    # A program of the whole screen, with every key: it takes the screen, and gives it back.
    page.keyboard.type("vi /tmp/made\n")
    shows("/tmp/made")
    assert "reddark" not in shown(page)
    page.keyboard.type("ifirst\nsecond")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    shows("second", "I /tmp/made")
    page.keyboard.press("Escape")
    shows("- /tmp/made")  # what comes too soon after an Escape belongs to it
    page.keyboard.type(":wq\n")
    shows("reddark")
    assert podman.engine("exec", "foo-1", "cat", "/tmp/made") in ("first\t\nsecond", "first\t\nsecond\n")
    # Its size follows the window's.
    page.set_viewport_size({"width": 375, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.keyboard.type("clear; stty size\n")
    until(lambda: "reddark" not in shown(page) and 10 < size(shown(page))[1] < wide[1])
    page.set_viewport_size({"width": 1280, "height": 1000})
    # What is interrupted ends; what floods the screen is held up, and the end of it is there.
    page.keyboard.type("clear; sleep 4711\n")
    until(running("sleep 4711"))
    page.keyboard.press("Control+c")
    until(lambda: not running("sleep 4711")())
    page.keyboard.type("seq 1 200000; echo flood is over\n")
    shows("200000\nflood is over")
    # A long paste arrives whole: more than may be under way.
    page.keyboard.type("stty -echo; wc -c\n")
    until(running("wc -c"))
    page.evaluate(PASTE)
    page.keyboard.press("Control+d")
    shows("307200")
    # The keyboard gets out of it, and the refresh of the page takes it nowhere.
    page.keyboard.press("Shift+Escape")
    expect(page.get_by_role("button", name="End")).to_be_focused()
    screen.focus()
    serving.well("rs", "run", TINY, "--name", "bar", "--cmd", "sleep", "100000")
    expect(page.get_by_role("button", name="Details of bar")).to_be_visible()
    expect(screen).to_be_focused()
    page.get_by_label("for a screen reader").check()
    expect(page.locator("#screen .xterm-accessibility")).to_contain_text("307200")
    screen.focus()
    page.keyboard.type("exit 3\n")
    expect(page.locator("#console-state")).to_have_text("The program ended with exit code 3.")
    expect(page.get_by_role("button", name="Close", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#console")).to_be_hidden()
    # The next version takes it away, and says so.
    page.get_by_role("button", name="Terminal foo").click()
    expect(screen).to_be_focused()
    serving.well("rs", "stop", "foo", "--grace", "0")
    expect(page.locator("#console-state")).to_contain_text("the set was stopped")
    token = (serving.state / "operate.token").read_text().strip()
    log = (serving.state / "audit.log").read_text()
    lines = [line for line in map(json.loads, log.splitlines()) if line["method"] == "WEBSOCKET"]
    assert token not in log and [line["path"] for line in lines] == ["/api/v1/replicaSet/foo/terminal"] * 4


def size(text: str) -> tuple[int, int]:
    """The last line that is two numbers."""
    found = [line.split() for line in text.splitlines()]
    pairs = [(int(line[0]), int(line[1])) for line in found if len(line) == 2 and all(map(str.isdigit, line))]
    return pairs[-1] if pairs else (0, 0)
