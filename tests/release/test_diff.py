from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import files_below, wizard
from tests.release.index import Index
from workbench.catalog.reader import read_catalogue
from workbench.catalog.views import at_release
from workbench.errors import FaultsError
from workbench.release.check import check
from workbench.release.freeze import freeze
from workbench.wizard.choices import choices_of

DISPLAY = "bundles/2-more/display.txt"


def lock(**pins: str) -> dict[str, str]:
    lines = "".join(f'{name} = "*"\n' for name in pins)
    return Index().lock(f"[packages]\n{lines}", {"packages": pins})


def two_releases(root: Path) -> Path:
    """2026a is frozen; 2026b, made from it, has another lock, OS list, bundle and CUDA."""
    files: dict[str, str | None] = {
        f"bundles/1-plain/py311/{name}": text for name, text in lock(alpha="1.0", beta="2.0").items()
    }
    files |= {
        "bundles/1-plain/py311/requirements-editor.txt": None,
        "bundles/1-plain/os/os-packages.txt": "git\nnano\n",
    }
    folder = make_catalogue(root, files)
    freeze(read_catalogue(str(folder)), "2026a", None)
    done = wizard("release", "new", "2026b", "--catalog", folder, "--today", "2026-11-22")
    assert done.stdout.split() == ["releases/2026b.toml", "releases/2026b"]
    for name, text in lock(alpha="1.1", gamma="3.0").items():
        (folder / "releases/2026b/bundles/1-plain/py311" / name).write_text(text)
    (folder / "bundles/1-plain/os/os-packages.txt").write_text("git\nvim\n")
    (folder / DISPLAY).parent.mkdir()
    (folder / DISPLAY).write_text("More\n")
    file = folder / "releases/2026b.toml"
    file.write_text(file.read_text().replace("13.0.2", "13.1.0"))
    return folder


def test_what_was_added_removed_and_moved_by_bundle(tmp_path: Path) -> None:
    folder = two_releases(tmp_path)
    done = wizard("release", "diff", "2026a", "2026b", "--catalog", folder, "--json")
    rows = [tuple(row.values()) for row in json.loads(done.stdout)]
    assert rows == [
        ("", "", "field", "cuda.version", "moved", "13.0.2", "13.1.0"),
        ("plain", "3.11", "python", "alpha", "moved", "1.0", "1.1"),
        ("plain", "3.11", "python", "beta", "removed", "2.0", ""),
        ("plain", "3.11", "python", "gamma", "added", "", "3.0"),
        ("plain", "c9s", "os", "nano", "removed", "nano", ""),
        ("plain", "c9s", "os", "vim", "added", "", "vim"),
        ("plain", "bookworm", "os", "nano", "removed", "nano", ""),
        ("plain", "bookworm", "os", "vim", "added", "", "vim"),
    ]
    back = wizard("release", "diff", "2026b", "2026a", "--catalog", folder).stdout
    assert [line.split()[:6] for line in back.splitlines()[1:3]] == [
        ["-", "-", "field", "cuda.version", "moved", "13.1.0"],
        ["plain", "3.11", "python", "alpha", "moved", "1.1"],
    ]
    summary = wizard("release", "diff", "2026a", "2026b", "--summary", "--catalog", folder).stdout
    assert [line.split() for line in summary.splitlines()] == [
        ["bundle", "for", "added", "removed", "moved"],
        ["-", "-", "0", "0", "1"],
        ["plain", "3.11", "1", "1", "1"],
        ["plain", "c9s", "1", "1", "0"],
        ["plain", "bookworm", "1", "1", "0"],
    ]
    assert "are the same" in wizard("release", "diff", "2026a", "2026a", "--catalog", folder).stdout
    assert "did you mean 2026b or 2026a?" in wizard("release", "diff", "2026c", "2026a", "--catalog", folder).stderr


def test_a_new_release_is_open_and_its_own(tmp_path: Path) -> None:
    folder = two_releases(tmp_path)
    text = (folder / "releases/2026b.toml").read_text()
    first, *rest = text.splitlines()
    assert first == "# Release 2026b, made on 2026-11-22: it pins what 2026a pinned then."
    assert rest[:2] == ['display = "2026b, from 2026a"', 'state = "open"']
    assert text.endswith('\n[support]\nfrom = "2026-11-22"\n')
    catalogue = read_catalogue(str(folder))
    assert [catalogue.releases[name].state for name in ("2026a", "2026b")] == ["frozen", "open"]
    assert list(at_release(catalogue, "2026b").bundles) == ["plain"]
    assert list(at_release(catalogue, "2026a").bundles) == ["plain"]
    assert list(at_release(catalogue, "2026b").bundles["plain"].pythons) == ["py311", "py312"]
    assert check(catalogue, "2026b", "2026-11-22").faults == ()
    before = files_below(folder)
    for name, why in (
        ("2026B", "there is a release 2026b"),
        ("2026a", "there is a release 2026a"),
        ("a_b", "a release name"),
    ):
        done = wizard("release", "new", name, "--catalog", folder)
        assert done.returncode in (1, 2)
        assert why in done.stderr
    assert files_below(folder) == before


def test_locks_of_one_release_are_never_mixed_with_those_of_another(tmp_path: Path) -> None:
    """An open release with locks of its own sees no Python of the catalogue's bundles."""
    own = "releases/2026a/bundles/1-plain/py312/requirements.txt"
    folder = make_catalogue(tmp_path, {own: "attrs==24.1.0\n"})
    view = at_release(read_catalogue(str(folder)), "2026a")
    assert dict(view.bundles["plain"].pythons) == {"py312": ("requirements.txt",)}
    assert view.tree.text("bundles/1-plain/py312/requirements.txt") == "attrs==24.1.0\n"
    done = wizard("matrix", "--release", "2026a", "--python", "3.11", "--catalog", folder).stdout
    assert "bundle plain has no packages for Python 3.11 (no folder py311)" in done


def test_a_release_that_was_tampered_with_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = two_releases(tmp_path)
    (folder / "releases/2026a/bundles/1-plain/display.txt").write_text("Other\n")
    catalogue = read_catalogue(str(folder))
    with pytest.raises(FaultsError, match="release 2026a in releases/2026a has 1 fault"):
        at_release(catalogue, "2026a")
    shown = {choice.value: choice.reason for choice in choices_of("release", catalogue, {})}
    assert shown["2026b"] == ""
    assert "releases/2026a/bundles/1-plain/display.txt: is not as it was frozen" in shown["2026a"]
    flags = ("--defaults", "--date", "20261122", "--offline", "--dry-run", "--catalog", folder)
    assert wizard("new", "--release", "2026b", *flags).returncode == 0
    assert wizard("new", "--release", "2026a", *flags).returncode == 1
