"""The page in a browser, over an engine in memory: making and changing sets, as two owners, by keyboard, narrow."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import need_chromium, page_in
from tests.replicasets.api.conftest import Served
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.api.compat import Compat
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.thorough


@pytest.fixture
def compat(request: pytest.FixtureRequest) -> Compat:
    """One of the tests is of a service in the original's words, whose errors have status 200."""
    return Compat(words=request.node.name == "test_a_set_is_changed")


@pytest.fixture
def page(served: Served, tmp_path: Path) -> Iterator[Page]:
    """The page before the door; errors of its scripts, and of what its policy refuses, are errors of the test."""
    with page_in(need_chromium(), tmp_path / "page.png", seconds=60) as found:
        faults: list[str] = []
        found.on("pageerror", lambda error: faults.append(str(error)))
        found.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        found.set_viewport_size({"width": 375, "height": 800})
        lost: list[str] = []
        found.on("requestfailed", lambda request: lost.append(f"{request.url}: {request.failure}"))
        found.goto(served.address)
        if lost:
            # The browser lost a script on the way, and the page advises to load it again. Nothing else excuses it.
            warnings.warn(f"the page is loaded again: {lost}", stacklevel=1)
            found.reload()
        found.locator("#door").wait_for()
        yield found
        assert faults == []


def enter(page: Page, served: Served, who: str) -> None:
    if page.locator("#forget").is_visible():
        page.locator("#forget").click()
    page.get_by_label("Token").fill(served.tokens[who])
    page.get_by_label("Token").press("Enter")
    page.locator("#quota", has_text=who).wait_for()


def test_a_set_is_made_by_keyboard_and_what_was_typed_stays(served: Served, page: Page) -> None:
    from playwright.sync_api import expect

    served.room.create_volume("data", caller=Caller("op"))
    served.room.create_volume("secret", caller=Caller("other"))
    served.room.run(RunRequest(IMAGE, "taken", gpus=6), Caller("other"))
    served.engine.stored["localhost/mine:1"] = ("theirs", {}, {served_label(served): "other"}, 1)
    enter(page, served, "op")
    # Nothing is here that is the caller's, and the keyboard alone makes something.
    expect(page.locator("#count")).to_have_text("no sets")
    page.get_by_role("button", name="New set").focus()
    page.keyboard.press("Enter")
    name = page.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    images = page.get_by_label("Image", exact=True)
    expect(images.locator("option")).to_have_text(["Choose an image", "tiny:1", "tiny:2", "Another name…"])
    expect(page.locator("[data-field=gpuCount] .why")).to_have_text(
        "2 of 8 are free; another owner's set has the others."
    )
    expect(page.locator("[data-field=binds] .why")).to_have_text("Your volumes: data.")
    page.keyboard.type("foo-1")
    # A refresh, which any change of any set brings, takes nothing away.
    served.room.run(RunRequest(IMAGE, "more", gpus=1), Caller("other"))
    expect(page.locator("[data-field=gpuCount] .why")).to_have_text(
        "1 of 8 are free; another owner's set has the others."
    )
    expect(name).to_be_focused()
    page.keyboard.press("Enter")
    wrong = page.locator("[data-field=replicaSetName] .wrong")
    expect(wrong).to_have_text("'foo-1' has a dash (a dash divides a set's name from its version)")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    assert "replicaSetName-wrong" in (name.get_attribute("aria-describedby") or "")
    name.fill("foo")
    images.select_option("Another name…")
    page.get_by_label("Name of the image").fill("nowhere:1")
    page.get_by_label("GPUs", exact=True).fill("2")
    page.get_by_label("Memory").fill("64MB")
    page.get_by_label("Environment").fill("A=1\n\nB=two words")
    page.get_by_role("button", name="Add a volume or folder").click()
    page.keyboard.type("data")
    page.keyboard.press("Tab")
    page.keyboard.type("/data")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.keyboard.press("Enter")
    expect(wrong).to_have_count(0)
    expect(page.locator("[data-field=imageName] .wrong")).to_contain_text("the engine has no image nowhere:1")
    images.select_option("tiny:1")
    images.press("Tab")
    page.get_by_role("button", name="Create").press("Enter")
    expect(page.locator("[data-field=gpuCount] .wrong")).to_contain_text("2 GPUs were requested, and 1 of 8")
    expect(page.get_by_label("GPUs", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    # Its progress is seen while the engine is at it, and the form can be closed meanwhile.
    going = threading.Event()
    start = served.engine.start
    served.engine.start = lambda name: (going.wait(60), start(name))[1]  # type: ignore[method-assign]
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_have_text("start, step 2 of 2")
    going.set()
    expect(page.get_by_role("button", name="Details of foo")).to_be_focused()
    expect(page.get_by_role("status").first).to_have_text("foo runs.")
    expect(page.locator("#form")).to_be_hidden()
    expect(page.locator("#what")).to_have_text(f"{IMAGE}, 64MB of memory")
    version = served.room.info("foo").version
    assert (len(version.gpus), version.memory, version.env) == (1, 64 << 20, ("A=1", "B=two words"))
    assert [(bind.src, bind.dest) for bind in version.binds] == [("data", "/data")]
    assert [port.container for port in version.ports] == [8888]
    # The next one begins with nothing of it.
    page.get_by_role("button", name="New set").click()
    expect(name).to_have_value("")
    expect(page.locator("#binds")).to_be_empty()


def served_label(served: Served) -> str:
    return f"{served.room.settings.prefix}.owner"


def test_two_owners_have_their_own_and_see_nothing_of_each_other(served: Served, page: Page) -> None:
    from playwright.sync_api import expect

    for who in ("op", "other"):
        served.room.run(RunRequest(IMAGE, f"of_{who}", gpus=1, ports=["8888"]), Caller(who))
        served.room.commit(f"of_{who}", "mine:1", Caller(who))
    page.set_viewport_size({"width": 1280, "height": 800})
    for who in ("op", "other"):
        enter(page, served, who)
        expect(page.locator("#sets tr:visible")).to_have_count(1)
        expect(page.locator("#sets tr:visible")).to_contain_text(f"of_{who}")
        page.get_by_role("button", name="New set").click()
        expect(page.locator("#image optgroup[label=Yours] option")).to_have_text(["mine:1"])
        assert page.locator("#image").inner_text().count("mine:1") == 1
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("button", name="New set")).to_be_focused()
        page.get_by_label("Only mine").uncheck()
        expect(page.locator("#count")).to_have_text("1 set")
        page.get_by_label("Only mine").check()
    # An administrator has no sets of its own to begin with, and may change all; who reads makes nothing.
    enter(page, served, "root")
    expect(page.locator("#count")).to_have_text("2 sets")
    enter(page, served, "look")
    expect(page.locator("#count")).to_have_text("2 sets")
    page.get_by_role("button", name="Details of of_other").click()
    expect(page.locator("#whose")).to_have_text("of_other")
    expect(page.locator("#actions button")).to_have_count(0)
    page.get_by_label("Find").fill("of_op")
    expect(page.locator("#count")).to_have_text("1 of 2 sets")
    expect(page.get_by_role("button", name="New set")).to_be_hidden()


def test_a_set_is_changed(served: Served, page: Page) -> None:
    from playwright.sync_api import expect

    served.room.run(RunRequest(IMAGE, "foo", gpus=1, ports=["8888"], memory="64MB"), Caller("op"))
    enter(page, served, "op")
    page.get_by_role("button", name="Details of foo").click()
    page.get_by_role("button", name="Change foo").click()
    expect(page.get_by_label("GPUs", exact=True)).to_be_focused()
    expect(page.get_by_label("Name", exact=True)).to_be_hidden()
    why = page.locator("[data-field=gpuCount] .why")
    expect(why).to_have_text("7 of 8 are free, beside the 1 that it has.")
    change = page.locator("#submit")
    change.click()
    expect(page.get_by_role("alert")).to_have_text("Nothing is changed yet.")
    # Memory changes in place, GPUs end its programs: that is a question.
    page.get_by_label("Memory").fill("128MB")
    change.click()
    expect(page.get_by_role("status").first).to_have_text("foo is changed.")
    expect(page.locator("#what")).to_contain_text("128MB of memory")
    assert served.room.info("foo").version.number == 1
    page.get_by_role("button", name="Change foo").click()
    page.get_by_label("GPUs", exact=True).fill("9")
    change.click()
    page.keyboard.press("Enter")  # at "Cancel"
    expect(change).to_be_focused()
    expect(page.get_by_label("GPUs", exact=True)).to_have_value("9")
    change.click()
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(page.locator("[data-field=gpuCount] .wrong")).to_contain_text("9 GPUs were requested, and 8 of 8")
    page.get_by_label("GPUs", exact=True).fill("3")
    change.click()
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(page.locator("#gpus li.used")).to_have_count(3)
    assert (served.room.info("foo").version.number, served.room.info("foo").version.memory) == (2, 128 << 20)
