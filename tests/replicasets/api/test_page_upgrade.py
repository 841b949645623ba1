"""The page in a browser: a newer image for a set, and its old versions removed, each with its question."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_page import compat, enter, page
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller
from workbench.tag import TAG_LABEL

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["compat", "page"]
pytestmark = pytest.mark.thorough

OLD, NEW = (f"localhost/lab:minimal_2026a_{date}" for date in ("20261101", "20261122"))


def test_a_set_goes_on_with_a_newer_image(served: Served, page: Page) -> None:
    from playwright.sync_api import expect

    served.engine.stored[OLD] = ("old", {"/etc/release": "1", "/etc/same": "1"}, {TAG_LABEL: "lab"}, 1)
    served.room.run(RunRequest(OLD, "foo"), Caller("op"))
    served.room.run(RunRequest(IMAGE, "plain"), Caller("op"))
    served.engine.write("foo-1", "/etc/release", "mine")
    enter(page, served, "op")
    newer = page.locator("#newer")
    page.get_by_role("button", name="Details of plain").click()
    expect(page.locator("#actions button").first).to_be_visible()
    expect(newer).to_be_hidden()
    served.engine.stored[NEW] = ("new", {"/etc/release": "2", "/etc/same": "1"}, {TAG_LABEL: "lab"}, 1)
    page.get_by_role("button", name="Details of foo").click()
    expect(newer).to_contain_text("There is a newer image, of 2026-11-22.")
    opening = page.get_by_role("button", name="Upgrade foo")
    opening.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"From {OLD} to {NEW}")
    expect(page.locator("#upgrade-list")).to_have_text("/etc/release: changed in the set, changed in the image")
    mine = dialog.get_by_label("Mine stands")
    expect(mine).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    # Nothing is decided by itself, and nothing was changed by looking.
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("Choose what stands of what both changed.")
    page.keyboard.press("Escape")
    expect(opening).to_be_focused()
    assert served.room.info("foo").version.number == 1
    opening.press("Enter")
    expect(mine).to_be_focused()
    page.keyboard.press("Space")
    going = threading.Event()
    start = served.engine.start
    served.engine.start = lambda name: (going.wait(60), start(name))[1]  # type: ignore[method-assign]
    page.keyboard.press("Enter")
    expect(page.locator("#upgrade-progress")).to_contain_text(", step ")
    going.set()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("status").first).to_have_text(
        f"foo is on {NEW}. 1 path that both changed: the set's, the image's beside as .image."
    )
    # What it offered is gone, and the keyboard is where the set is.
    expect(newer).to_be_hidden()
    expect(page.locator("#whose")).to_be_focused()
    expect(page.locator("#what")).to_contain_text(NEW)
    assert served.engine.disk("foo-2")["/etc/release"] == "mine"
    expect(page.locator("#versions")).to_contain_text("the image's beside as .image")
    page.get_by_role("button", name="Roll back to 1").click()
    dialog.get_by_role("button", name="Roll back").click()
    expect(newer).to_be_visible()
    assert served.room.info("foo").version.image == OLD
    assert served.engine.disk("foo-3") == {"/etc/release": "mine", "/etc/same": "1"}
    # An image that went away meanwhile is said in the dialog.
    del served.engine.stored[NEW]
    opening.click()
    expect(dialog.get_by_role("alert")).to_contain_text("has no image")
    expect(dialog.get_by_role("button", name="Upgrade")).to_be_hidden()


def test_old_versions_are_removed(served: Served, page: Page) -> None:
    from playwright.sync_api import expect

    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    enter(page, served, "op")
    page.get_by_role("button", name="Details of foo").click()
    expect(page.locator("#versions tr")).to_have_count(1)
    opening = page.get_by_role("button", name="Remove old ones")
    expect(opening).to_be_hidden()
    for _ in range(3):
        served.room.restart("foo", Caller("op"))
    opening.press("Enter")
    dialog, keep = page.get_by_role("dialog"), page.get_by_label("Of the newest versions keep")
    expect(keep).to_be_focused()
    expect(keep).to_have_value("3")
    expect(dialog).to_contain_text("Removed for good, with all that is on the disk: version 1.")
    remove = dialog.get_by_role("button", name="Remove them")
    keep.fill("0")
    expect(dialog).to_contain_text("the current version is never removed")
    expect(remove).to_be_hidden()
    keep.fill("9")
    expect(dialog).to_contain_text("There is nothing to remove.")
    keep.press("Enter")
    keep.fill("1")
    expect(dialog).to_contain_text("version 1, version 2, version 3.")
    expect(dialog).to_contain_text("bytes will be free")
    assert [each.number for each in served.room.history("foo")] == [4, 3, 2, 1]
    remove.click()
    expect(page.get_by_role("status").first).to_contain_text("Removed from foo: version 1, version 2, version 3.")
    expect(opening).to_be_hidden()
    expect(page.locator("#whose")).to_be_focused()
    assert [each.number for each in served.room.history("foo")] == [4]
