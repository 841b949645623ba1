"""The page held to axe-core's rules of accessibility: nothing serious in any view, on wide and narrow screens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.axe import need_axe, serious
from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_page import compat, enter, page
from tests.replicasets.api.test_page_upgrade import NEW, OLD
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller
from workbench.tag import TAG_LABEL

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["compat", "page"]
pytestmark = pytest.mark.thorough


@pytest.fixture
def sees_all() -> bool:
    return True  # the list has sets of others


def views(page: Page, served: Served) -> Iterator[str]:
    """Have the page show one view after the other; yield the name of each."""
    yield "the door"
    enter(page, served, "small")
    yield "no sets"
    enter(page, served, "op")
    page.get_by_label("Only mine").uncheck()
    page.locator("#sets tr").nth(2).wait_for()
    yield "the list"
    page.get_by_role("button", name="Details of foo").click()
    page.get_by_role("button", name="Upgrade foo").wait_for()
    page.get_by_role("button", name="What changed in 2").click()
    page.locator("#changes").wait_for()
    page.get_by_role("button", name="Log foo").click()
    yield "a set"
    for name in ("Upgrade foo", "Remove old ones", "Stop foo"):
        page.get_by_role("button", name=name).click()
        if name == "Upgrade foo":
            page.get_by_label("Mine stands").wait_for()
            page.get_by_role("button", name="Upgrade", exact=True).click()
            page.locator("#upgrade-wrong").wait_for()
        yield f"the dialog of {name}"
        page.keyboard.press("Escape")
    page.get_by_role("button", name="New set").click()
    page.get_by_role("button", name="Add a volume or folder").click()
    page.get_by_role("button", name="Create").click()
    page.locator("#form .fields .wrong").first.wait_for()
    yield "the form"


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1280, "dark")])
def test_nothing_serious_is_found(served: Served, page: Page, width: int, scheme: str) -> None:
    axe = need_axe()
    served.engine.stored[OLD] = ("old", {"/etc/release": "1"}, {TAG_LABEL: "lab"}, 1)
    served.room.run(RunRequest(OLD, "foo", gpus=1, ports=["8888"]), Caller("op"))
    served.engine.write("foo-1", "/etc/release", "mine")
    served.room.restart("foo", Caller("op"))
    served.engine.stored[NEW] = ("new", {"/etc/release": "2"}, {TAG_LABEL: "lab"}, 1)
    served.room.run(RunRequest(IMAGE, "halted"), Caller("op"))
    served.room.stop("halted", Caller("op"))
    served.room.run(RunRequest(IMAGE, "paused"), Caller("other"))
    served.room.pause("paused", Caller("other"))
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = {}
    for view in views(page, served):
        if faults := serious(page, axe):
            found[view] = faults
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    assert found == {}
