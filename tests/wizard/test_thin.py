"""The base for bundles that bring their own CUDA: proposed once the bundle is known, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import OWN_CUDA, make_catalogue, selection
from tests.command import files_below, wizard
from tests.wizard.scripted import BACK, ScriptedPrompt
from tests.wizard.terminal import DOWN, ENTER, ESCAPE, Terminal
from tests.wizard.test_review import plain
from tests.wizard.test_terminal import BASE, BUILD, BUNDLE, FOLDER, IDE, REVIEW, files_by_flags, to
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.compose.possible import compose_checked
from workbench.wizard.choices import choices_of
from workbench.wizard.collect import Defaults, collect_answers
from workbench.wizard.session import converse

THIN = "The bundle's wheels bring a CUDA of their own."
TO_THE_BUNDLE = ("", "", "cuda", "", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_catalogue(tmp_path, OWN_CUDA)


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    return read_catalogue(str(folder))


def test_the_question_for_the_base_names_the_bundles_it_is_for(catalogue: Catalogue) -> None:
    titles = {choice.value: choice.title for choice in choices_of("base", catalogue, {"release": "2026a"})}
    assert titles["cuda-thin"] == (
        "cuda-thin   CUDA 13.0.2 environment only, for wheels that bring their own: torch; "
        "2.7 GB smaller on c9s than cuda"
    )


def test_it_is_the_default_once_the_bundle_is_chosen(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(*TO_THE_BUNDLE, "torch", "", "", "")
    answers = collect_answers(catalogue, defaults, prompt, {})
    screen = prompt.screens[6]
    assert screen.title.startswith(THIN)
    assert [(choice.value, choice.title) for choice in screen.choices] == [
        ("cuda-thin", "cuda-thin  CUDA 13.0.96 of the wheels alone: 2.7 GB smaller on c9s"),
        ("cuda", "cuda       CUDA 13.0.2 of the base beside it, which the wheels do not use"),
    ]
    assert screen.preselected == "cuda-thin"
    assert answers == {**defaults({}), "base": "cuda-thin", "bundle": "torch"}


@pytest.mark.parametrize("given", [{"base": "cuda", "bundle": "plain"}, {"base": "cuda-thin"}, {"base": "cuda-devel"}])
def test_it_is_not_shown_where_there_is_nothing_to_choose(
    catalogue: Catalogue, defaults: Defaults, given: dict[str, str]
) -> None:
    prompt = ScriptedPrompt("", "", given["base"], "", "", given.get("bundle", "torch"), "", "")
    assert collect_answers(catalogue, defaults, prompt, {})["base"] == given["base"]
    assert not any(screen.title.startswith(THIN) for screen in prompt.screens)


def test_the_other_one_may_be_kept_and_the_choice_taken_back(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(*TO_THE_BUNDLE, "torch", "cuda", BACK, "", "", "")
    answers = collect_answers(catalogue, defaults, prompt, {})
    assert prompt.screens[8].preselected == "cuda"
    assert (answers["base"], answers["thin"]) == ("cuda", "cuda")
    # From the IDE back over the question that is settled, to the bundle, and to another base.
    back = ScriptedPrompt(*TO_THE_BUNDLE, "torch", "", BACK, BACK, BACK, BACK, "cuda", "", "", "", "cuda", "", "")
    answers = collect_answers(catalogue, defaults, back, {})
    assert [screen.preselected for screen in back.screens[8:12]] == ["torch", "3.11", "c9s", "cuda-thin"]
    assert answers["base"] == "cuda"


def test_the_review_shows_what_keeping_it_costs(catalogue: Catalogue, defaults: Defaults) -> None:
    prompt = ScriptedPrompt(*TO_THE_BUNDLE, "torch", "cuda", "", "", "write", "no")
    converse(catalogue, defaults, lambda chosen, _: compose_checked(catalogue, chosen), prompt, look_up=False)
    review = prompt.screens[9]
    assert review.panel is not None
    assert " Note the wheels of torch bring CUDA 13.0.96 of their own, " in " ".join(plain(review.panel(400)).split())


def test_in_a_terminal_it_gives_the_bytes_of_the_flags(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, BASE).press(DOWN).see("» cuda ").press(ENTER)
        for prompt in ("operating system?", "Which Python?"):
            terminal.see(prompt).press(ENTER)
        terminal.see(BUNDLE).press(DOWN, ENTER).see(THIN, "» cuda-thin", "2.7 GB smaller on c9s")
        terminal.press(ENTER).see(IDE, "Base cuda-thin").press(ESCAPE).see(BUNDLE).press(ENTER)
        for prompt in (IDE, FOLDER, REVIEW, BUILD):
            terminal.see(prompt).press(ENTER)
        assert terminal.end() == 0
    flags = {"base": "cuda-thin", "bundle": "torch"}
    assert files_below(tmp_path / "recipes") == files_by_flags(folder, tmp_path / "flags", **flags)


def test_the_flags_make_what_was_requested_and_note_it(folder: Path, tmp_path: Path) -> None:
    flags = ["--catalog", folder, "--defaults", "--offline", "--date=20261122", "--bundle=torch", "--dry-run"]
    done = wizard("new", *flags, "--base=cuda")
    assert done.returncode == 0
    assert done.stderr == (
        "note: the wheels of torch bring CUDA 13.0.96 of their own, so on the base cuda the image holds CUDA twice: "
        "on cuda-thin it is 2.7 GB smaller on c9s (2,650,000,001 bytes)\n"
    )
    recipe = compose_checked(read_catalogue(str(folder)), selection(base="cuda", bundle="torch"))
    assert done.stdout.startswith(recipe.containerfile)
    for base in ("standard", "cuda-thin"):
        assert wizard("new", *flags, f"--base={base}").stderr == ""


def test_the_default_of_a_release_gives_way_to_it_in_the_wizard_and_the_flags(tmp_path: Path) -> None:
    release = OWN_CUDA["releases/2026a.toml"].replace("[defaults]\n", '[defaults]\nbase = "cuda"\n')
    folder = make_catalogue(tmp_path, {**OWN_CUDA, "releases/2026a.toml": release})
    for bundle, base in (("plain", "cuda"), ("torch", "cuda-thin")):
        files_by_flags(folder, tmp_path / bundle, bundle=bundle)
        (manifest,) = (tmp_path / bundle).glob("*/recipe.toml")
        assert f'\nbase = "{base}"\n' in manifest.read_text()
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, BUNDLE).press(DOWN, ENTER).see(THIN, "» cuda-thin")
        for prompt in (THIN, IDE, FOLDER, REVIEW, BUILD):
            terminal.see(prompt).press(ENTER)
        assert terminal.end() == 0
    assert files_below(tmp_path / "recipes") == files_below(tmp_path / "torch")
