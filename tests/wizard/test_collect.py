from __future__ import annotations

from pathlib import Path

from tests.catalogues import make_catalogue
from tests.wizard.conftest import RULED
from tests.wizard.scripted import BACK, ScriptedPrompt, possible, reasons
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.wizard.answers import tag_so_far
from workbench.wizard.collect import Defaults, collect_answers
from workbench.wizard.prompt import Screen
from workbench.wizard.steps import STEPS

TITLES = {step.name: step.title for step in STEPS}


def taken(prompt: ScriptedPrompt) -> list[str]:
    """Return the names of the steps that were taken."""
    names = {title: name for name, title in TITLES.items()}
    return [names[title] for title in prompt.titles]


def test_the_defaults_are_preselected_and_taken_with_enter(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(*[""] * 8)
    assert collect_answers(catalogue, defaults, prompt, {}) == defaults({})
    assert taken(prompt) == ["release", "date", "base", "os", "python", "bundle", "ide", "out"]


def test_another_image_is_named_after_the_base(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt("", "", "other", "quay.io/me/cuda:1", *[""] * 5)
    answers = collect_answers(catalogue, defaults, prompt, {})
    assert taken(prompt)[2:5] == ["base", "image", "os"]
    assert answers == {**defaults({}), "base": "other", "image": "quay.io/me/cuda:1"}


def test_an_image_among_the_defaults_is_preselected(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(*[""] * 9)
    answers = collect_answers(catalogue, lambda given: {**defaults(given), "base": "quay.io/me/b:1"}, prompt, {})
    assert (answers["base"], answers["image"]) == ("other", "quay.io/me/b:1")


def test_going_back_keeps_the_answers_preselected(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt("", "latest", "cuda", "bookworm", BACK, BACK, BACK, "20261123", *[""] * 6)
    answers = collect_answers(catalogue, defaults, prompt, {})
    assert taken(prompt)[4:11] == ["python", "os", "base", "date", "base", "os", "python"]
    assert [screen.preselected for screen in prompt.screens[5:8]] == ["bookworm", "cuda", "latest"]
    assert answers == {**defaults({}), "date": "20261123", "base": "cuda", "os": "bookworm"}


def test_going_back_passes_over_what_was_not_taken(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt("", "", "cuda", BACK, "other", "quay.io/me/b:1", BACK, BACK, "cuda", *[""] * 5)
    answers = collect_answers(catalogue, defaults, prompt, {})
    assert taken(prompt)[2:10] == ["base", "os", "base", "image", "os", "image", "base", "os"]
    assert "image" not in answers


def test_going_back_from_the_first_question_shows_it_again(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(BACK, BACK, *[""] * 8)
    assert collect_answers(catalogue, defaults, prompt, {}) == defaults({})
    assert taken(prompt)[:4] == ["release", "release", "release", "date"]


def test_an_answer_that_became_impossible_is_not_preselected(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt("", "", "", "bookworm", "3.12", BACK, BACK, "c9s", *[""] * 4)
    assert collect_answers(catalogue, defaults, prompt, {})["python"] == "3.11"


def test_a_default_that_is_impossible_gives_way_to_the_first_possible(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(*[""] * 8)
    answers = collect_answers(catalogue, lambda given: {**defaults(given), "bundle": "torch"}, prompt, {})
    assert answers["bundle"] == "plain"
    assert "torch" in reasons(prompt.screens[5])


def test_another_round_starts_at_the_last_question(catalogue: Catalogue, defaults: Defaults) -> None:
    earlier = {**defaults({}), "base": "cuda"}
    prompt = ScriptedPrompt("elsewhere")
    assert collect_answers(catalogue, defaults, prompt, earlier) == {**earlier, "out": "elsewhere"}
    assert taken(prompt) == ["out"]


def test_where_nothing_is_possible_the_one_way_is_back(tmp_path: Path, defaults: Defaults) -> None:
    """By the rules the bundle goes with one IDE, and that one's recipe lacks a file."""
    files = {
        **RULED,
        "bundles/4-half/display.txt": "Half\n",
        "bundles/4-half/bundle.toml": 'ides = ["broken"]\n',
        "bundles/4-half/py311/requirements.txt": "attrs==25.1.0\n",
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    prompt = ScriptedPrompt(*[""] * 5, "half", "", "plain", "", "")
    assert collect_answers(catalogue, defaults, prompt, {}) == defaults({})
    screen = prompt.screens[6]
    assert reasons(screen) == {
        "editor": "bundle half goes with broken only",
        "runtime": "bundle half goes with broken only",
        "broken": "ides/3-broken/broken.snippet:2: COPY missing.sh: the recipe has no such file",
    }
    assert screen.choices[-1].title == "none of these is possible: go back and choose otherwise"
    assert taken(prompt)[6:] == ["ide", "bundle", "ide", "out"]


def test_the_tag_over_a_question_holds_the_highlighted_choice(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(*[""] * 8)
    collect_answers(catalogue, defaults, prompt, {})
    shown = {screen.title: tag_above(screen, "") for screen in prompt.screens}
    assert shown[TITLES["release"]] == tag_so_far(catalogue, {})
    ide = prompt.screens[6]
    assert [tag_above(ide, value) for value in possible(ide)] == [
        "editor-plain-c9s-py311_2026a_20261122",
        "runtime-plain-c9s-py311_2026a_20261122",
    ]
    assert tag_above(ide, "") == "‹ide›-plain-c9s-py311_2026a_20261122"


def tag_above(screen: Screen, candidate: str) -> str:
    """Return the tag that is drawn above `screen`."""
    return "".join(text for style, text in screen.above(candidate, 200, 40) if style == "class:tag").strip()
