from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import command_line, files_below, wizard

TAG = "editor-plain-c9s-py311_2026a_20261122"
ANSWERS = {
    "--release": "2026a",
    "--date": "20261122",
    "--base": "standard",
    "--os": "c9s",
    "--python": "3.11",
    "--bundle": "plain",
    "--ide": "editor",
}


def flags(**changed: str | None) -> list[str]:
    given = {**ANSWERS, **{f"--{name}": value for name, value in changed.items()}}
    return [word for name, value in given.items() if value is not None for word in (name, value)]


def test_all_flags_make_a_recipe(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path)
    done = wizard("new", "--catalog", catalogue, "--offline", "--out", tmp_path / "out", *flags())
    folder, command = tmp_path / "out" / TAG, command_line(catalogue=catalogue)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "  create     Containerfile",
        "  create     recipe.toml",
        "  create     requirements-editor.txt",
        "  create     requirements.txt",
        "  create     start.sh",
        str(folder),
        f"open it with: {command} up {folder}",
        f"build it with: {command} build {folder}",
    ]
    assert sorted(files_below(tmp_path / "out")) == sorted(
        f"{TAG}/{line.split()[1]}" for line in done.stdout.splitlines()[:5]
    )


def test_json_has_the_documented_fields(tmp_path: Path) -> None:
    command = ["new", "--catalog", make_catalogue(tmp_path), "--offline", "--out", tmp_path / "out", "--json", *flags()]
    reports = [json.loads(wizard(*command).stdout) for _ in range(2)]
    for report, status in zip(reports, ("create", "identical"), strict=True):
        assert report["tag"] == TAG
        assert report["folder"] == str(tmp_path / "out" / TAG)
        assert {(file["path"], file["status"]) for file in report["files"]} == {
            (path, status)
            for path in ("Containerfile", "recipe.toml", "requirements-editor.txt", "requirements.txt", "start.sh")
        }


def test_every_missing_answer_is_named(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    done = wizard("new", "--catalog", folder, *flags(os=None, bundle=None))
    assert done.returncode == 2
    assert done.stderr == (
        "error: no answer for --os, --bundle\n  hint: give them, or take the release's defaults with --defaults\n"
    )
    done = wizard("new", "--catalog", folder, "--json")
    assert json.loads(done.stderr) == {
        "error": "no answer for --release, --date, --base, --os, --python, --bundle, --ide",
        "hint": "give them, or take the release's defaults with --defaults",
        "where": "",
    }


def test_defaults_fill_what_is_missing(tmp_path: Path) -> None:
    command = ["new", "--catalog", make_catalogue(tmp_path), "--offline", "--defaults", "--dry-run", "--json"]
    assert json.loads(wizard(*command, "--date", "20261122").stdout)["tag"] == TAG
    other = json.loads(wizard(*command, "--date", "latest", "--os", "bookworm", "--python", "3.12").stdout)
    assert other["tag"] == "editor-plain-bookworm-py312_2026a_latest"


def test_dry_run_shows_and_writes_nothing(tmp_path: Path) -> None:
    folder, out = make_catalogue(tmp_path), tmp_path / "out"
    done = wizard("new", "--catalog", folder, "--offline", "--out", out, "--dry-run", *flags())
    assert done.returncode == 0
    assert done.stdout.startswith(f"# {TAG}\n")
    assert "  create     start.sh\n" in done.stdout
    assert not out.exists()


def test_an_answers_file_is_replayed_and_flags_go_before_it(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    image = "quay.io/found/base:1"
    wizard("new", "--catalog", folder, "--offline", "--out", tmp_path / "out", *flags())
    manifest = tmp_path / "out" / TAG / "recipe.toml"
    manifest.write_text(manifest.read_text().replace('ide = "editor"\n', f'ide = "editor"\nimage = "{image}"\n'))
    replay = ["new", "--catalog", folder, "--offline", "--answers", manifest, "--dry-run"]
    assert f"FROM {image}\n" in wizard(*replay).stdout
    changed = wizard(*replay, "--os", "bookworm").stdout
    assert "FROM localhost/workbench-images:base-bookworm-py311_2026a_20261122\n" in changed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("format = 2\n", "has the format 2, and this version reads 1"),
        ("format = 1\ntag = 'x'\n", "[selection] must be a table of strings"),
        ("format = 1\n[selection]\nrelease = '2026a'\n", "its selection lacks date, base, os, python, bundle, ide"),
        ("= 1", "is not TOML"),
    ],
)
def test_an_answers_file_that_cannot_be_read(tmp_path: Path, text: str, says: str) -> None:
    answers = tmp_path / "recipe.toml"
    answers.write_text(text)
    done = wizard("new", "--catalog", make_catalogue(tmp_path), "--answers", answers)
    assert done.returncode == 1
    assert f"{answers}: {says}" in done.stderr


def test_an_unknown_answer_in_the_answers_file(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    wizard("new", "--catalog", folder, "--offline", "--out", tmp_path / "out", *flags())
    manifest = tmp_path / "out" / TAG / "recipe.toml"
    manifest.write_text(manifest.read_text().replace("[selection]\n", '[selection]\ncolour = "red"\n'))
    done = wizard("new", "--catalog", folder, "--answers", manifest)
    assert "its selection has unknown answers: colour" in done.stderr


def test_the_same_bytes_wherever_whenever_and_under_any_locale_and_umask(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = ["new", "--catalog", folder, "--offline", *flags()]
    assert wizard(*command, "--out", tmp_path / "a").returncode == 0
    old = os.umask(0o077)
    try:
        env = {"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LANG": "C"}
        assert wizard(*command, "--out", "b", cwd=elsewhere, env=env).returncode == 0
    finally:
        os.umask(old)
    first, second = tmp_path / "a" / TAG, elsewhere / "b" / TAG
    assert files_below(first) == files_below(second)
    modes = [{path.name: stat.S_IMODE(path.stat().st_mode) for path in out.rglob("*")} for out in (first, second)]
    assert modes[0] == modes[1]


LONG = "b" * 100
BAD = [
    ({"release": "../../x"}, {}, 2, "'../../x' cannot be a release name"),
    ({"release": "2027b"}, {}, 1, "no release is named '2027b'"),
    ({"date": "20260230"}, {}, 2, "20260230 is no day of the calendar"),
    ({"date": "tomorrow"}, {}, 2, "'tomorrow' is not a date"),
    ({"bundle": LONG}, {f"bundles/2-{LONG}/display.txt": "Long"}, 1, "no packages for Python 3.11"),
    (
        {"bundle": LONG},
        {f"bundles/2-{LONG}/display.txt": "Long", f"bundles/2-{LONG}/selection-override": ""},
        2,
        "and an image tag may have 128",
    ),
    ({"python": "3"}, {}, 2, "'3' is not a Python version"),
    ({"python": "3.12"}, {}, 1, "release 2026a has no Python 3.12 on c9s"),
    ({"base": "cudda"}, {}, 1, "no base is named 'cudda'"),
    ({"base": "Bad Image:1"}, {}, 2, "is no image reference"),
    ({"base": "ubuntu:24.04"}, {}, 2, "does not name its registry"),
    ({}, {"bundles/1-plain/display.txt": ""}, 1, "bundles/1-plain/display.txt: has an empty first line"),
    ({}, {"bundles/1-plain/display.txt": "a\x1b[31mb"}, 1, "display.txt: has control characters in its first line"),
    ({}, {"bundles/7-plain/display.txt": "x"}, 1, "bundles/7-plain: has the official name 'plain', and so has"),
    ({}, {"ides/1-editor/editor.snippet": None}, 1, "ides/1-editor: has no editor.snippet"),
    (
        {},
        {"ides/1-editor/editor.snippet": None, "ides/1-editor/editor.snippet.j2": "\n{{ nothing }}\n"},
        1,
        "ides/1-editor/editor.snippet.j2:2: the template fails: 'nothing' is undefined",
    ),
    ({}, {"ides/1-editor/files/start.sh": None}, 1, "editor.snippet:2: COPY start.sh: the recipe has no such file"),
    ({}, {"bundles/1-plain/bundle.toml": 'cuda = "never"\ncolour = "red"\n'}, 1, "bundle.toml:2: unknown key 'colour'"),
    ({}, {"bundles/1-plain/bundle.toml": "cuda = true\n"}, 1, "bundle.toml:1: cuda must be one of required, optional"),
    ({}, {"ides/1-editor/editor.snippet": "USER 0\n"}, 1, "the image would run as USER 0, and must end as USER 1001"),
]


@pytest.mark.parametrize(("answers", "files", "code", "says"), BAD)
def test_bad_input_is_reported_clearly_and_nothing_is_written(
    tmp_path: Path, answers: dict[str, str], files: dict[str, str | None], code: int, says: str
) -> None:
    folder = make_catalogue(tmp_path, files)
    done = wizard("new", "--catalog", folder, "--offline", "--out", tmp_path / "out", *flags(**answers))
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalogue"]
    as_json = wizard("new", "--catalog", folder, "--offline", "--out", tmp_path / "out", "--json", *flags(**answers))
    error = json.loads(as_json.stderr)
    assert {"error", "hint", "where"} <= set(error)


def test_a_link_out_of_the_catalogue_is_refused(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    (folder / "ides/1-editor/files/passwd").symlink_to("/etc/passwd")
    done = wizard("new", "--catalog", folder, "--offline", "--out", tmp_path / "out", *flags())
    assert done.returncode == 1
    assert "ides/1-editor/files/passwd: is a link that leaves the catalogue" in done.stderr
    assert not (tmp_path / "out").exists()


def test_hadolint_runs_where_the_catalogue_wants_it(tmp_path: Path) -> None:
    rules = {"snippets/hadolint.yaml": "ignored: [DL3045]\n"}
    command = ["new", "--offline", "--out", tmp_path / "out", *flags()]
    done = wizard(*command, "--catalog", make_catalogue(tmp_path, rules))
    assert done.returncode == 1
    assert "hadolint refuses" in done.stderr
    assert "DL3013" in done.stderr
    assert "DL3045" not in done.stderr
    assert not (tmp_path / "out").exists()
    assert wizard(*command, "--no-lint", "--catalog", make_catalogue(tmp_path, rules)).returncode == 0


def test_a_linted_containerfile_is_remembered_and_a_refused_one_is_not(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    rules = {"snippets/hadolint.yaml": "ignored: [DL3045, DL3013, DL3042, DL3025]\n"}
    command = ["new", "--offline", "--dry-run", *flags()]
    assert wizard(*command, "--catalog", make_catalogue(tmp_path, rules), env=cache).returncode == 0
    assert len(files_below(tmp_path / "cache")) == 1
    rules = {"snippets/hadolint.yaml": "ignored: []\n"}
    for _ in range(2):
        done = wizard(*command, "--catalog", make_catalogue(tmp_path, rules), env=cache)
        assert "hadolint refuses" in done.stderr
    assert len(files_below(tmp_path / "cache")) == 1
