from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.catalogues import selection
from tests.command import files_below
from tests.wizard.scripted import BACK, ScriptedPrompt, possible
from workbench.catalog.questions import Selection
from workbench.catalog.values import Catalogue
from workbench.compose.possible import compose_checked
from workbench.compose.recipe import Recipe
from workbench.errors import WorkbenchError
from workbench.recipes.write import write
from workbench.wizard.collect import Defaults
from workbench.wizard.prompt import Screen
from workbench.wizard.session import Compose, Quit, WizardOutcome, converse

QUESTIONS = [""] * 8
TAG = "editor-plain-c9s-py311_2026a_20261122"


@pytest.fixture
def compose(catalogue: Catalogue) -> Compose:
    return lambda chosen, look_up: compose_checked(catalogue, chosen)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "recipes"


def test_what_was_agreed_on_is_written(catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path) -> None:
    prompt = ScriptedPrompt(*QUESTIONS, "write", "no")
    done = converse(catalogue, defaults, compose, prompt, look_up=False)
    recipe = compose_checked(catalogue, selection())
    assert done == WizardOutcome(done.written, build=False)
    assert done.written.folder == f"{out}/{TAG}"
    assert files_below(out) == {f"{TAG}/{path}": file.data for path, file in recipe.files.items()}


def test_every_question_comes_before_the_first_byte(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path
) -> None:
    class Watching(ScriptedPrompt):
        def show(self, screen: Screen) -> str | None:
            assert not out.exists()
            return super().show(screen)

    done = converse(catalogue, defaults, compose, Watching(*QUESTIONS, "write", "yes"), look_up=False)
    assert done.build
    assert out.exists()


def test_back_from_the_build_question_is_the_review_and_back_from_there_the_last_question(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, tmp_path: Path
) -> None:
    prompt = ScriptedPrompt(
        *QUESTIONS, "write", BACK, BACK, "elsewhere", "back", str(tmp_path / "third"), "write", "no"
    )
    done = converse(catalogue, defaults, compose, prompt, look_up=False)
    assert done.written.folder == f"{tmp_path}/third/{TAG}"
    assert [title.rstrip("?").split()[-1] for title in prompt.titles[7:]] == (
        ["folder", "want", "now", "want", "folder", "want", "folder", "want", "now"]
    )


def test_quitting_writes_nothing(catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path) -> None:
    with pytest.raises(Quit):
        converse(catalogue, defaults, compose, ScriptedPrompt(*QUESTIONS, "quit"), look_up=False)
    assert not out.exists()


def test_an_identical_recipe_can_be_kept(catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path) -> None:
    write(compose_checked(catalogue, selection()), str(out))
    prompt = ScriptedPrompt(*QUESTIONS, "keep", "no")
    done = converse(catalogue, defaults, compose, prompt, look_up=False)
    assert prompt.titles[8] == "The same recipe exists already."
    assert set(done.written.files.values()) == {"identical"}


def test_a_folder_that_differs_is_replaced_whole_or_left(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path
) -> None:
    write(compose_checked(catalogue, selection(base="cuda")), str(out))
    (out / f"cuda-{TAG}").rename(out / TAG)
    before = files_below(out)
    prompt = ScriptedPrompt(*QUESTIONS, BACK, "", "quit")
    with pytest.raises(Quit):
        converse(catalogue, defaults, compose, prompt, look_up=False)
    assert files_below(out) == before
    review = prompt.screens[8]
    assert review.title == "The folder exists and differs. What now?"
    assert possible(review) == ["back", "diff", "replace", "quit"]
    assert review.panel is not None
    assert "base was 'cuda', now 'standard'" in review.panel(200)

    converse(catalogue, defaults, compose, ScriptedPrompt(*QUESTIONS, "replace", "no"), look_up=False)
    recipe = compose_checked(catalogue, selection())
    assert files_below(out / TAG) == {path: file.data for path, file in recipe.files.items()}


def test_files_of_the_users_own_stay_unless_they_are_to_go(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path
) -> None:
    folder = Path(write(compose_checked(catalogue, selection()), str(out)).folder)
    (folder / "notes.txt").write_text("mine")
    # The recipe itself is as it was, so there is nothing to replace.
    prompt = ScriptedPrompt(*QUESTIONS, "keep", "no")
    done = converse(catalogue, defaults, compose, prompt, look_up=False)
    assert done.written.files["notes.txt"] == "keep"
    (folder / "start.sh").write_text("by hand\n")
    prompt = ScriptedPrompt(*QUESTIONS, "diff", "back", "replace", "no")
    converse(catalogue, defaults, compose, prompt, look_up=False)
    assert possible(prompt.screens[8]) == ["merge", "back", "diff", "replace", "clean", "quit"]
    panels = [screen.panel(100) for screen in prompt.screens[8:10] if screen.panel]
    assert "keep" in panels[0] and "notes.txt" in panels[0]
    assert "-by hand" in panels[1]
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "start.sh").read_text() != "by hand\n"
    (folder / "start.sh").write_text("by hand\n")
    converse(catalogue, defaults, compose, ScriptedPrompt(*QUESTIONS, "clean", "no"), look_up=False)
    assert not (folder / "notes.txt").exists()


class NoSuchBase:
    """Composes, but finds no base image when it looks."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.calls: list[tuple[Selection, bool]] = []

    def __call__(self, chosen: Selection, look_up: bool) -> Recipe:
        self.calls.append((chosen, look_up))
        if look_up:
            raise WorkbenchError("the base image cannot be found", hint="make it")
        return compose_checked(self._catalogue, chosen)


def test_without_its_base_image_the_answers_are_not_lost(catalogue: Catalogue, defaults: Defaults, out: Path) -> None:
    compose = NoSuchBase(catalogue)
    prompt = ScriptedPrompt(*QUESTIONS, "back", "", "offline", "write", "no")
    done = converse(catalogue, defaults, compose, prompt, look_up=True)
    trouble = prompt.screens[8]
    assert possible(trouble) == ["back", "offline", "quit"]
    assert trouble.panel is not None
    assert "the base image cannot be found" in trouble.panel(80)
    assert done.written.folder == f"{out}/{TAG}"


def test_only_a_failed_look_up_offers_to_go_on_without_it(catalogue: Catalogue, defaults: Defaults) -> None:
    def compose(chosen: Selection, look_up: bool) -> Recipe:
        raise WorkbenchError("hadolint refuses it")

    prompt = ScriptedPrompt(*QUESTIONS, "quit")
    with pytest.raises(Quit):
        converse(catalogue, defaults, compose, prompt, look_up=True)
    assert possible(prompt.screens[8]) == ["back", "quit"]


def test_after_a_write_error_another_folder_can_be_chosen(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, tmp_path: Path
) -> None:
    class Spoiling(ScriptedPrompt):
        """Puts a file in the place of the folder once everything is confirmed."""

        def show(self, screen: Screen) -> str | None:
            if "Build" in screen.title:
                (tmp_path / "recipes").touch()
            return super().show(screen)

    prompt = Spoiling(*QUESTIONS, "write", "no", "back", str(tmp_path / "other"), "write", "no")
    done = converse(catalogue, defaults, compose, prompt, look_up=False)
    assert prompt.titles[10] == "What now?"
    assert done.written.folder == f"{tmp_path}/other/{TAG}"


def test_a_ctrl_c_while_writing_comes_too_late(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    rename = os.rename

    def interrupted(*paths: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        rename(*paths)

    monkeypatch.setattr(os, "rename", interrupted)
    done = converse(catalogue, defaults, compose, ScriptedPrompt(*QUESTIONS, "write", "no"), look_up=False)
    assert Path(done.written.folder).is_dir()
    assert signal.getsignal(signal.SIGINT) is handler


def changed_by_hand(catalogue: Catalogue, out: Path) -> tuple[Path, list[str]]:
    """A recipe with a file of the user's own and a comment that the user put below; the lines of its Containerfile."""
    folder = Path(write(compose_checked(catalogue, selection()), str(out)).folder)
    (folder / "notes.txt").write_text("mine")
    text = (folder / "Containerfile").read_text()
    (folder / "Containerfile").write_text(f"{text}# by hand\n")
    return folder, text.splitlines()


def test_what_was_changed_by_hand_is_merged(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path
) -> None:
    folder, lines = changed_by_hand(catalogue, out)
    (folder / "recipe.toml").write_text((folder / "recipe.toml").read_text().replace("standard", "cuda-thin"))
    prompt = ScriptedPrompt(*QUESTIONS, "", "no")
    done = converse(catalogue, defaults, compose, prompt, look_up=False)
    assert prompt.titles[8:] == [
        "The folder exists and differs. What now?",
        "Build the image now?",
    ]
    assert done.problems == []
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "Containerfile").read_text().splitlines() == [*lines, "# by hand"]
    assert "standard" in (folder / "recipe.toml").read_text()
    assert (done.written.files["notes.txt"], done.written.files["recipe.toml"]) == ("keep", "update")


def test_what_both_changed_is_marked_and_not_built(
    catalogue: Catalogue, defaults: Defaults, out: Path, folder: Path, tmp_path: Path
) -> None:
    recipe, lines = changed_by_hand(catalogue, out)
    (recipe / "Containerfile").write_text("\n".join(["# mine", *lines[1:], ""]))
    new = compose_checked(catalogue, selection())
    text = new.containerfile.replace(lines[0], "# composed otherwise", 1)
    files = {**new.files, "Containerfile": replace(new.files["Containerfile"], data=text.encode())}
    prompt = ScriptedPrompt(*QUESTIONS, "merge", "no")
    done = converse(
        catalogue, defaults, lambda chosen, look_up: replace(new, files=files), prompt, look_up=False, can_open=True
    )
    assert prompt.titles[-1] == "Both changed the same lines. Write it?"
    assert possible(prompt.screens[-1]) == ["no"]
    panel = prompt.screens[-1].panel
    assert panel is not None and "conflict" in panel(100) and "in the same lines" in panel(100)
    assert [path for path, _ in done.problems] == ["Containerfile"]
    assert (done.build, done.opened) == (False, False)
    assert (
        (recipe / "Containerfile")
        .read_text()
        .startswith("<<<<<<< changed by hand\n# mine\n=======\n# composed otherwise\n>>>>>>> composed anew\n")
    )


def test_going_back_from_a_merge_leaves_the_folder(
    catalogue: Catalogue, defaults: Defaults, compose: Compose, out: Path
) -> None:
    changed_by_hand(catalogue, out)
    (out / TAG / "start.sh").write_text("by hand\n")
    before = files_below(out)
    with pytest.raises(Quit):
        converse(catalogue, defaults, compose, ScriptedPrompt(*QUESTIONS, "merge", BACK, "quit"), look_up=False)
    assert files_below(out) == before
