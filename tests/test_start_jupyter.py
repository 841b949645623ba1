"""What Jupyter gets from the platforms' arguments and variables; tests/e2e/test_platforms.py starts the images."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogues import REPOSITORY

SCRIPT: dict[str, Any] = runpy.run_path(str(REPOSITORY / "ides/1-jupyter/files/utils/start_jupyter.py"))
HOME = {"HOME": "/opt/app-root/src"}
SETTINGS = ("port", "base_url", "ip", "root_dir", "allow_origin", "open_browser")


def command(*arguments: str, **environ: str) -> list[str]:
    found = SCRIPT["command"](arguments, {**HOME, **environ})
    assert isinstance(found, list)
    return found


def test_ours_where_the_platform_leaves_it_open() -> None:
    assert command() == [
        "jupyter",
        "lab",
        "--ServerApp.ip=*",
        "--ServerApp.port=8888",
        "--ServerApp.base_url=/",
        "--ServerApp.root_dir=/opt/app-root/src",
        "--ServerApp.open_browser=False",
    ]
    below = command(NB_PREFIX="/notebook/team/nb1", NOTEBOOK_PORT="80", NOTEBOOK_ROOT_DIR="/data")
    assert {"--ServerApp.base_url=/notebook/team/nb1", "--ServerApp.port=80", "--ServerApp.root_dir=/data"} <= set(
        below
    )
    # Whoever gets below the platform's prefix has been let in; everywhere else there is a token.
    assert below[-2:] == ["--ServerApp.allow_origin=*", "--IdentityProvider.token="]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(
    "spelling", ["--ServerApp.{}={}", "--NotebookApp.{}={}", "--LabApp.{}={}", "--ServerApp.{} {}"]
)
def test_w_case_01_what_the_platform_gives_wins_and_nothing_comes_twice(name: str, spelling: str) -> None:
    given_ = spelling.format(name, "theirs")
    for words in (command(NOTEBOOK_ARGS=given_, NB_PREFIX="/n"), command(*given_.split(), NB_PREFIX="/n")):
        settings = [SCRIPT["setting"](word) for word in words if word.startswith("--")]
        assert len(settings) == len(set(settings))
        assert " ".join(words).endswith(given_)


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("--port=9", "--ServerApp.port=8888"),
        ("--ip=::", "--ServerApp.ip=*"),
        ("--no-browser", "--ServerApp.open_browser=False"),
        ("--notebook-dir=/x", "--ServerApp.root_dir=/opt/app-root/src"),
        ("--NotebookApp.notebook_dir=/x", "--ServerApp.root_dir=/opt/app-root/src"),
        ("--NotebookApp.token=''", "--IdentityProvider.token="),
        ("--ServerApp.token=''", "--IdentityProvider.token="),
    ],
)
def test_other_spellings_of_a_setting_are_the_setting(word: str, ours: str) -> None:
    assert ours in command(NB_PREFIX="/n")
    assert ours not in command(NB_PREFIX="/n", NOTEBOOK_ARGS=word)


def test_the_containers_arguments_win_over_the_variable() -> None:
    words = command(
        "--port=1", NOTEBOOK_ARGS="--ServerApp.port 2 --ServerApp.quit_button=False --Other.list=a --Other.list=b"
    )
    assert words[-4:] == ["--ServerApp.quit_button=False", "--Other.list=a", "--Other.list=b", "--port=1"]
    assert "2" not in words
    assert "--ServerApp.port=8888" not in words


WORDS = st.lists(st.text(st.characters(exclude_characters=" \t\n\0", exclude_categories=["Cs"]), min_size=1))


@given(WORDS, st.sampled_from([" ", "\n", "\t", "\n                  "]))
def test_w_case_02_words_are_split_at_white_space_and_nothing_else_is_touched(words: list[str], between: str) -> None:
    found = command(NOTEBOOK_ARGS=between.join(words))
    assert found[len(found) - len(words) :] == words


@pytest.mark.parametrize("given_", ["tcp://10.0.0.7:80", "0", "65536", "8888x", ""])
def test_a_port_that_is_none_is_ignored(given_: str) -> None:
    assert "--ServerApp.port=8888" in command(NOTEBOOK_PORT=given_)
    assert "JUPYTER_PORT" not in SCRIPT["environment"]({"JUPYTER_PORT": given_})


def test_a_command_is_run_in_jupyters_place() -> None:
    assert command("bash", "-c", "true", NOTEBOOK_ARGS="--x=1") == ["bash", "-c", "true"]
    assert command("jupyterhub-singleuser", "--debug") == ["jupyterhub-singleuser", "--debug"]
    assert command("start-singleuser.sh", "--debug") == ["jupyterhub-singleuser", "--debug"]
    assert command("--debug", JUPYTERHUB_API_TOKEN="x") == ["jupyterhub-singleuser", "--debug"]


@pytest.mark.parametrize(
    ("environ", "platform", "token"),
    [
        ({}, False, None),
        ({"NB_PREFIX": "/n"}, True, None),
        ({"NB_PREFIX": "/"}, False, None),
        ({"NB_PREFIX": "/n", "WORKBENCH_TOKEN": "t"}, False, "t"),
        ({"NB_PREFIX": "/n", "JUPYTER_TOKEN": "t"}, False, "t"),
        ({"NB_PREFIX": "/n", "WORKBENCH_AUTH": "token"}, False, None),
        ({"WORKBENCH_AUTH": "platform"}, True, None),
        ({"WORKBENCH_AUTH": "platform", "WORKBENCH_TOKEN": "t"}, True, None),
        ({"WORKBENCH_TOKEN": "t", "JUPYTER_TOKEN": "u"}, False, "u"),
    ],
)
def test_it_is_the_platform_that_decides_only_where_it_says_so(
    environ: dict[str, str], platform: bool, token: str | None
) -> None:
    assert ("--IdentityProvider.token=" in command(**environ)) is platform
    found = SCRIPT["environment"](environ)
    assert found.get("JUPYTER_TOKEN") == token
    assert "WORKBENCH_TOKEN" not in found


def test_another_word_for_who_decides_is_refused() -> None:
    with pytest.raises(SystemExit, match="WORKBENCH_AUTH"):
        command(WORKBENCH_AUTH="none")
