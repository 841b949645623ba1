"""The wizard as its user meets it: a process in a real pseudo-terminal."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import command_line, files_below, wizard
from tests.wizard.terminal import (
    BACKSPACE,
    CTRL_C,
    CTRL_D,
    CTRL_U,
    DOWN,
    ENTER,
    ESCAPE,
    PAGE_DOWN,
    PAGE_UP,
    UP,
    Terminal,
)

TAG = "editor-plain-c9s-py311_2026a_20261122"

RELEASE, DATE, BASE, IMAGE = "Which release?", "Which date?", "Which base?", "Which image?"
SYSTEM, PYTHON, BUNDLE, IDE = "operating system?", "Which Python?", "Which bundle", "Which IDE?"
FOLDER, REVIEW, BUILD = "Which output folder?", "Is this what you want?", "Build the image now?"

# The prompts of a straight run, in their order.
PROMPTS = (RELEASE, DATE, BASE, SYSTEM, PYTHON, BUNDLE, IDE, FOLDER, REVIEW, BUILD)

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])(?:;\d+)*m")


def to(terminal: Terminal, prompt: str) -> Terminal:
    """Answer with what is preselected (and the date of these tests) until `prompt` is shown."""
    for at in PROMPTS[: PROMPTS.index(prompt)]:
        terminal.see(at)
        if at == DATE:
            terminal.press(CTRL_U, *"20261122").see("_20261122")
        terminal.press(ENTER)
    return terminal.see(prompt)


def files_by_flags(folder: Path, out: Path, **flags: str) -> dict[str, bytes]:
    """Return the files that `wizard.py new` makes of the catalogue's defaults and `flags`."""
    given = [text for name, value in {"date": "20261122", **flags}.items() for text in (f"--{name}", value)]
    done = wizard("new", "--catalog", folder, "--defaults", "--offline", "--out", out, *given)
    assert done.returncode == 0, done.stderr
    return files_below(out)


def test_a_straight_run_writes_the_bytes_of_flags_and_answers_file(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, BUILD).press(ENTER)
        assert terminal.end() == 0
        assert f"build it with: {command_line(tmp_path, folder)} build recipes/{TAG}\r\n" in terminal.raw
    wizards = files_below(tmp_path / "recipes")
    assert set(wizards) > {f"{TAG}/Containerfile", f"{TAG}/recipe.toml"}
    assert wizards == files_by_flags(folder, tmp_path / "flags")

    answers = tmp_path / "recipes" / TAG / "recipe.toml"
    replay = wizard("new", "--catalog", folder, "--answers", answers, "--offline", "--out", tmp_path / "replay")
    assert replay.returncode == 0, replay.stderr
    assert files_below(tmp_path / "replay") == wizards


def test_the_catalogue_of_this_repository_goes_the_same_way(tmp_path: Path) -> None:
    """Whatever the defaults of its newest release are; the system with CUDA, to have other answers too."""
    with Terminal(tmp_path, "wizard", "--offline", "--out", tmp_path / "answered") as terminal:
        to(terminal, BASE).press(DOWN).see("cuda-‹ide›")
        for at, then in pairwise(PROMPTS[2:]):
            terminal.see(at).press(ENTER).see(then)
        terminal.press(ENTER)
        assert terminal.end() == 0
    assert files_below(tmp_path / "answered") == files_by_flags(REPOSITORY, tmp_path / "flags", base="cuda")


def test_another_image_and_other_choices_give_the_bytes_of_the_flags(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, BASE).press(UP, ENTER).see(IMAGE)
        terminal.press(*"ubuntu", ENTER).see("'ubuntu' is no image with its registry")
        terminal.press(CTRL_U, *"quay.io/me/cuda:1").see("cuda-‹ide›").press(ENTER).see(SYSTEM)
        terminal.press(DOWN).see("-bookworm-").press(ENTER).see(PYTHON)
        terminal.press(DOWN).see("-py312_").press(ENTER).see(BUNDLE)
        terminal.press(ENTER).see(IDE, "cuda-editor-plain-bookworm-py312_2026a_20261122")
        terminal.press(DOWN).see("cuda-runtime-plain-bookworm-py312_2026a_20261122")
        terminal.press(ENTER).see(FOLDER).press(CTRL_U, *"mine", ENTER).see(REVIEW, "FROM quay.io/me/cuda:1")
        terminal.press(ENTER).see(BUILD).press(ENTER)
        assert terminal.end() == 0
    flags = {"base": "quay.io/me/cuda:1", "os": "bookworm", "python": "3.12", "ide": "runtime"}
    assert files_below(tmp_path / "mine") == files_by_flags(folder, tmp_path / "flags", **flags)


def test_going_back_changes_an_answer_and_keeps_the_others(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, RELEASE).press(ESCAPE).press(ENTER).see(DATE)
        terminal.press(ESCAPE).see(RELEASE)
        to(terminal, SYSTEM).press(DOWN).see("-bookworm-").press(ENTER).see(PYTHON)
        terminal.press(ESCAPE).see(SYSTEM, "» bookworm").press(ESCAPE).see(BASE, "» standard")
        terminal.press(DOWN, DOWN).see("» cuda-devel", "cuda-‹ide›").press(ENTER).see(SYSTEM, "» bookworm")
        for then in (PYTHON, BUNDLE, IDE, FOLDER, REVIEW):
            terminal.press(ENTER).see(then)
        terminal.see("cuda-editor-plain-bookworm-py311_2026a_20261122")
        terminal.press(ESCAPE).see(FOLDER).press(ENTER).see(REVIEW).press(ENTER).see(BUILD)
        terminal.press(ESCAPE).see(REVIEW).press(ENTER).see(BUILD).press(ENTER)
        assert terminal.end() == 0
    flags = {"base": "cuda-devel", "os": "bookworm"}
    assert files_below(tmp_path / "recipes") == files_by_flags(folder, tmp_path / "flags", **flags)


def test_going_back_leaves_nothing_of_the_question_on_the_screen(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        before = to(terminal, BASE).settled().text
        terminal.press(ENTER).see(SYSTEM).press(ENTER).see(PYTHON)
        terminal.press(ESCAPE).see(SYSTEM).press(ESCAPE).see(BASE).shows(before)
        terminal.press(CTRL_C)
        assert terminal.end() == 130
        assert terminal.text == "nothing was written"


def test_typing_searches_and_backspace_widens(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, IDE).press(*"ONLY").see("/ ONLY", "» runtime", "runtime-plain-c9s")
        assert "editor" not in terminal.text
        terminal.press(*"x").see("nothing matches").press(ENTER)
        terminal.press(BACKSPACE).see("» runtime Runtime only / ONLY Enter").press(ENTER).see(FOLDER)
        terminal.press(ESCAPE).see(IDE, "» runtime").press(CTRL_C)
        assert terminal.end() == 130


def test_an_impossible_choice_shows_its_reason_and_cannot_be_taken(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, BUNDLE).see("- torch Torch (bundle torch needs a CUDA base)", "- lonely Lonely (no IDE goes")
        terminal.press(DOWN, DOWN, UP).see("» plain")
        terminal.press(*"torch").see("» - torch", "nothing that is possible matches", "‹ide›-‹bundle›-c9s")
        # Neither taken by Enter, nor by the keys after it, nor lost in moving about.
        terminal.press(DOWN, UP, ENTER, *"h").see("/ torchh nothing matches").press(ENTER)
        terminal.press(*[BACKSPACE] * 6).see("» plain").press(ENTER).see(IDE)
        terminal.see("- broken Broken (ides/3-broken/broken.snippet:2: COPY missing.sh: the recipe has no such file)")
        terminal.press(CTRL_C)
        assert terminal.end() == 130


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_leaving_at_any_prompt_leaves_nothing_behind(folder: Path, tmp_path: Path, prompt: str, key: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with Terminal(work, "--catalog", folder, "--offline", "--out", work / "out") as terminal:
        to(terminal, prompt).press(key)
        assert terminal.end() == 130
        assert terminal.text == "nothing was written"
    assert set(os.listdir(work)) <= {"cache"}


def test_leaving_at_the_question_for_another_image_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline", "--out", tmp_path / "out") as terminal:
        to(terminal, BASE).press(UP, ENTER).see(IMAGE).press(*"quay.io/", CTRL_C)
        assert terminal.end() == 130
        assert terminal.text == "nothing was written"
    assert not (tmp_path / "out").exists()


def test_an_interrupt_from_outside_is_a_ctrl_c(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, FOLDER).interrupt()
        assert terminal.end() == 130
        assert terminal.text == "nothing was written"


def test_ctrl_c_while_the_base_image_is_looked_up_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    slow = tmp_path / "bin" / "podman"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    path = f"{slow.parent}:{os.environ['PATH']}"
    with Terminal(tmp_path, "--catalog", folder, env={"PATH": path}) as terminal:
        to(terminal, FOLDER).press(ENTER).see("looking the base image up")
        # What is typed meanwhile is not drawn: the spinner is, two frames on.
        terminal.press(*"zzz").change(terminal.text).change(terminal.text)
        terminal.press(CTRL_C)
        assert terminal.end() == 130
        assert "zzz" not in terminal.raw
        assert terminal.text.endswith("nothing was written")
    assert not (tmp_path / "recipes").exists()


def podman_without_images(folder: Path) -> dict[str, str]:
    """Return the environment in which podman has no image, and reaches no registry."""
    absent = folder / "bin" / "podman"
    absent.parent.mkdir()
    absent.write_text("#!/bin/sh\necho no such image >&2\nexit 1\n")
    absent.chmod(0o755)
    return {"PATH": f"{absent.parent}:{os.environ['PATH']}"}


def test_a_base_that_is_not_there_yet_is_a_note(tmp_path: Path) -> None:
    """Before the first question and in the review: what is made, and how long it takes."""
    with Terminal(
        tmp_path, "--out", tmp_path / "out", columns=160, rows=40, env=podman_without_images(tmp_path)
    ) as wide:
        made = "made before the image, for it is not there yet: root image, base image; with the image about"
        wide.see(f"note: {made}")
        to(wide, REVIEW).see(f"Note {made}", "GB of disk")
        wide.press(ENTER).see(BUILD, "» Yes, build it and open the workbench")
        wide.press(DOWN, DOWN).see("» No, only write the recipe").press(ENTER)
        assert wide.end() == 0
    assert list((tmp_path / "out").iterdir())


def test_another_image_that_is_nowhere_is_an_error_and_the_answers_stay(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, env=podman_without_images(tmp_path)) as terminal:
        to(terminal, BASE).press(UP, ENTER).see(IMAGE).press(*"quay.io/me/mine:1", ENTER).see(SYSTEM)
        for then in (PYTHON, BUNDLE, IDE, FOLDER):
            terminal.press(ENTER).see(then)
        terminal.press(ENTER).see("What now?", "cannot be found", "» Go back")
        terminal.press(ESCAPE).see(FOLDER).press(ENTER).see("What now?")
        terminal.press(DOWN, ENTER).see(REVIEW)
        terminal.press(ENTER).see(BUILD).press(DOWN, DOWN).see("» No").press(ENTER)
        assert terminal.end() == 0
    flags = {"base": "quay.io/me/mine:1"}
    assert files_below(tmp_path / "recipes") == files_by_flags(folder, tmp_path / "flags", **flags)


def test_a_folder_that_differs_is_shown_and_replaced_and_the_users_own_files_stay(folder: Path, tmp_path: Path) -> None:
    files_by_flags(folder, tmp_path / "recipes")
    recipe = tmp_path / "recipes" / TAG
    (recipe / "start.sh").write_text("by hand\n")
    (recipe / "notes").write_text("mine\n")
    with Terminal(tmp_path, "--catalog", folder, "--offline", rows=40) as terminal:
        to(terminal, FOLDER).press(ENTER).see(
            "The folder exists and differs.", f"{TAG}/start.sh: differs", "keep notes"
        )
        # What is preselected loses nothing.
        terminal.see("» Compose it again").press(DOWN, DOWN)
        terminal.see("» Show").press(ENTER).see("What would change", "-by hand").press(ENTER)
        terminal.see("The folder exists and differs.", "» Compose").press(DOWN, DOWN, DOWN).see("» Replace the recipe;")
        terminal.press(ENTER).see(BUILD).press(ENTER)
        assert terminal.end() == 0
    (recipe / "notes").unlink()
    assert files_below(tmp_path / "recipes") == files_by_flags(folder, tmp_path / "flags")


def test_quitting_at_the_review_is_no_failure(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, REVIEW).press(*"quit").see("» Quit").press(ENTER)
        assert terminal.end() == 0
        assert terminal.text == "nothing was written"
    assert not (tmp_path / "recipes").exists()


def test_yes_builds_with_the_verb_and_the_command_is_printed_too(folder: Path, tmp_path: Path) -> None:
    """The verb's own tests build for real; here a podman that only records how it was called will do."""
    calls = tmp_path / "calls"
    podman = tmp_path / "bin" / "podman"
    podman.parent.mkdir()
    podman.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexit 1\n')
    podman.chmod(0o755)
    path = f"{podman.parent}:{os.environ['PATH']}"
    with Terminal(tmp_path, "--catalog", folder, "--offline", columns=200, env={"PATH": path}) as terminal:
        to(terminal, BUILD).press(DOWN).see("» Yes").press(ENTER)
        assert terminal.end() != 0
        assert f"build it with: {command_line(tmp_path, folder)} build recipes/{TAG}\r\n" in terminal.raw
        assert "error: " in terminal.text
    assert calls.read_text()


@pytest.mark.parametrize(("columns", "rows"), [(40, 15), (40, 12), (30, 15), (200, 50)])
def test_any_size_shows_the_tag_at_every_question(folder: Path, tmp_path: Path, columns: int, rows: int) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline", columns=columns, rows=rows) as terminal:
        to(terminal, BASE)
        for prompt, then in pairwise(PROMPTS[2:]):
            known = TAG if prompt in PROMPTS[6:] else "_2026a_20261122"
            assert known in terminal.flat.replace(" ", "")
            terminal.press(ENTER).see(then)
        terminal.press(ENTER)
        assert terminal.end() == 0
    assert files_below(tmp_path / "recipes") == files_by_flags(folder, tmp_path / "flags")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 6), (8, 2)])
def test_keys_that_come_before_their_question_are_kept_in_any_window(
    folder: Path, tmp_path: Path, columns: int, rows: int
) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline", columns=columns, rows=rows) as terminal:
        terminal.press(*[ENTER] * 10)
        assert terminal.end() == 0
    (recipe,) = (tmp_path / "recipes").iterdir()
    date = recipe.name.rpartition("_")[2]
    assert files_below(tmp_path / "recipes") == files_by_flags(folder, tmp_path / "flags", date=date)


def test_the_window_may_change_its_size(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline") as terminal:
        to(terminal, REVIEW)
        terminal.resize(40, 12)
        terminal.press(DOWN).see("» Go back").press(UP).see("» Write").press(ENTER).see(BUILD)
        terminal.resize(100, 30)
        terminal.press(DOWN).see("» Yes").press(CTRL_C)
        assert terminal.end() == 130


def test_a_review_that_is_too_long_is_scrolled(folder: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "--catalog", folder, "--offline", rows=12) as terminal:
        to(terminal, REVIEW)
        assert "start.sh" not in terminal.text
        for part in ("Python", "Folder", "Containerfile", "start.sh"):
            while part not in terminal.text:
                before = terminal.text
                terminal.press(PAGE_DOWN)
                terminal.change(before)
        last = terminal.text
        assert "╰─" in last
        terminal.press(PAGE_DOWN, PAGE_UP)
        terminal.change(last)
        terminal.press(CTRL_C)
        assert terminal.end() == 130


def test_no_color_is_honoured(folder: Path, tmp_path: Path) -> None:
    for env, coloured in (({"NO_COLOR": "1"}, False), ({}, True)):
        with Terminal(tmp_path, "--catalog", folder, "--offline", env=env) as terminal:
            to(terminal, BUNDLE).see("- torch")
            to_review = (IDE, FOLDER, REVIEW)
            for prompt in to_review:
                terminal.press(ENTER).see(prompt)
            terminal.press(CTRL_C)
            assert terminal.end() == 130
            assert bool(COLOUR.search(terminal.raw)) is coloured


def test_a_dumb_terminal_gets_the_flags(tmp_path: Path) -> None:
    with Terminal(tmp_path, env={"TERM": "dumb"}) as terminal:
        assert terminal.end() == 2
        assert "error: this terminal (TERM=dumb) cannot redraw a prompt" in terminal.flat
        # The screen breaks the line somewhere within it.
        assert "wizard.pynew--release" in terminal.flat.replace(" ", "")
        assert "\x1b" not in terminal.raw


def test_the_terminal_is_as_it_was(folder: Path, tmp_path: Path) -> None:
    """Typing is drawn again after the wizard, the cursor is seen, and pasting is not marked."""
    script = tmp_path / "run.sh"
    script.write_text('stty -a > before\n"$@"\nstty -a > after\n')
    with Terminal(tmp_path, "--catalog", folder, "--offline", under=("sh", str(script))) as terminal:
        to(terminal, BASE).press(CTRL_C)
        assert terminal.end() == 0
        assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")
        assert terminal.raw.rindex("\x1b[?2004l") > terminal.raw.rindex("\x1b[?2004h")
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()


@pytest.mark.parametrize(("columns", "below", "above"), [(60, "↓4", "↑4"), (90, "↓ 3 more", "↑ 3 more")])
def test_a_list_that_is_cut_shows_how_much_more_there_is(tmp_path: Path, columns: int, below: str, above: str) -> None:
    more = {f"bundles/{number}-b{number}/display.txt": f"B {number}" for number in range(20, 30)}
    lists = {f"bundles/{number}-b{number}/py311/requirements.txt": "attrs==25.1.0\n" for number in range(20, 30)}
    catalogue = make_catalogue(tmp_path, {**more, **lists})
    with Terminal(tmp_path, "--catalog", catalogue, "--offline", columns=columns, rows=11) as terminal:
        for at in PROMPTS[: PROMPTS.index(BUNDLE)]:
            terminal.see(at).press(ENTER)
        screen = terminal.see(BUNDLE, below).flat
        assert "↑" not in screen.partition(BUNDLE)[2].partition("Enter")[0]
        terminal.press(UP).see("» b29", above)
        terminal.press(CTRL_C)
