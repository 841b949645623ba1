"""The page in a browser: an image built from the wizard's choices, its log live, past a reload, to a set of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.axe import need_axe, serious
from tests.catalogues import REPOSITORY
from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_page import compat, enter, page
from tests.replicasets.builds.scripted import BUILDS, FAILS, ScriptedRecipes
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.builds.queue import Builds
from workbench.replicasets.builds.recipes import BuildPlan, Question
from workbench.verbs._builds import CatalogueRecipes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Page

__all__ = ["compat", "page"]
pytestmark = pytest.mark.thorough


class RealChoices:
    """The choices of this repository's own catalogue, and scripts for what would take minutes."""

    def __init__(self, folder: Path) -> None:
        self._real = CatalogueRecipes(str(REPOSITORY), str(folder / "recipes"))
        self._scripted = ScriptedRecipes(folder, good=BUILDS.replace('"lab:1"', f'"{IMAGE}"'), bad=FAILS)

    def questions(self, answers: Mapping[str, str]) -> tuple[Question, ...]:
        return self._real.questions(answers)

    def plan(self, answers: Mapping[str, str]) -> BuildPlan:
        real = self._real.plan(answers)
        scripted = self._scripted.plan({"bundle": "bad" if answers["bundle"] == "r" else "good"})
        return BuildPlan(real.title, scripted.command)


@pytest.fixture
def builds(tmp_path: Path) -> Iterator[Builds]:
    found = Builds(RealChoices(tmp_path), str(tmp_path / "builds"))
    yield found
    (tmp_path / "go").touch()
    found.close()


def test_an_image_is_built_and_a_set_made_of_it(served: Served, page: Page) -> None:
    from playwright.sync_api import expect

    axe = need_axe()
    enter(page, served, "look")
    expect(page.locator("#build-open")).to_be_hidden()
    enter(page, served, "op")
    opening = page.get_by_role("button", name="Build an image")
    opening.press("Enter")
    expect(page.get_by_label("Release")).to_be_focused()
    page.get_by_label("Bundle").select_option("pytorch")
    # The same reasons as the wizard's.
    expect(page.locator("#build-ide-why")).to_contain_text("rstudio: IDE rstudio goes with bundle r only")
    expect(page.locator("#build-ide option[value=rstudio]")).to_be_disabled()
    page.get_by_label("Base", exact=True).select_option("cuda")
    expect(page.locator("#build-thin")).to_have_value("cuda-thin")
    page.get_by_label("Base", exact=True).first.select_option("standard")
    expect(page.locator("#build-thin")).to_have_count(0)
    assert serious(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="Build", exact=True).press("Enter")
    expect(page.locator("#builds-title")).to_be_focused()
    log = page.get_by_role("log", name="Log of build 1")
    expect(log).to_contain_text("STEP 1: FROM base")
    expect(page.locator("#build-list")).to_contain_text("step 2 of 2: image lab:1")
    # The second one waits; the page that is loaded anew finds both, and the log of what runs.
    opening.press("Enter")
    expect(page.get_by_label("Release")).to_be_focused()
    page.get_by_label("Bundle").focus()
    page.get_by_label("Bundle").select_option("r")
    expect(page.locator("#build-ide option[value=rstudio]")).to_be_enabled()
    expect(page.get_by_label("Bundle")).to_be_focused()
    page.get_by_role("button", name="Build", exact=True).click()
    expect(page.locator("#build-list li").first).to_contain_text("waits; 1 before it")
    page.reload()
    expect(page.locator("#build-list li")).to_have_count(2)
    page.get_by_role("button", name="Log of build 1").click()
    expect(log).to_contain_text("STEP 1: FROM base")
    (served.folder / "go").touch()
    expect(page.locator("#build-list li").nth(1)).to_contain_text("is built")
    expect(page.locator("#build-list li").first).to_contain_text("failed: image lab:1: RUN pip install nothing")
    assert serious(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="New set of build 1").press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("mine")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Details of mine")).to_be_visible()
    assert served.room.info("mine").version.image.endswith(IMAGE)


def test_a_build_is_cancelled_and_nobody_else_sees_it(served: Served, page: Page) -> None:
    from playwright.sync_api import expect

    page.set_viewport_size({"width": 1280, "height": 800})
    enter(page, served, "op")
    page.get_by_role("button", name="Build an image").click()
    expect(page.get_by_label("IDE", exact=True)).to_be_visible()
    page.get_by_role("button", name="Build", exact=True).click()
    expect(page.locator("#build-list")).to_contain_text("step 2 of 2")
    enter(page, served, "other")
    expect(page.locator("#build-open")).to_be_visible()
    expect(page.locator("#builds")).to_be_hidden()
    enter(page, served, "root")
    expect(page.locator("#build-list li")).to_have_count(1)
    enter(page, served, "op")
    page.get_by_role("button", name="Cancel build 1").press("Enter")
    expect(page.locator("#builds-title")).to_be_focused()
    expect(page.locator("#build-list")).to_contain_text("was cancelled")
    expect(page.get_by_role("button", name="New set of build 1")).to_have_count(0)
