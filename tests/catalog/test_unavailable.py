from __future__ import annotations

from pathlib import Path

from tests.catalogues import make_catalogue
from tests.command import wizard
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons
from workbench.catalog.views import at_release
from workbench.release.freeze import freeze

FILES = {
    "bundles/1-plain/os/os-packages.txt": "bash\nopenjdk-17-jre-headless\n",
    "bundles/1-plain/os/os-packages.c9s.txt": "java-17-openjdk-headless\n",
    "ides/1-editor/os/os-packages.txt": "editor\n",
    "base/bookworm/unavailable.txt": "# A comment.\nopenjdk-17-jre-headless\neditor # gone\n",
}
ANSWERS = {"release": "2026a", "base": "standard", "python": "3.11", "bundle": "plain", "ide": "editor"}
MISSING = [
    "bundle plain needs openjdk-17-jre-headless, which bookworm does not have",
    "IDE editor needs editor, which bookworm does not have",
]


def test_what_a_system_does_not_have_is_not_offered_there(tmp_path: Path) -> None:
    root = make_catalogue(tmp_path, FILES)
    catalogue = read_catalogue(str(root))
    assert list(reasons(catalogue, {**ANSWERS, "os": "bookworm"})) == MISSING
    assert list(reasons(catalogue, {**ANSWERS, "os": "c9s"})) == []
    flags = [f"--{name}={value}" for name, value in {**ANSWERS, "os": "bookworm"}.items()]
    done = wizard("new", *flags, "--catalog", root, "--out", tmp_path / "recipes", "--offline", "--date", "20261122")
    assert done.returncode != 0
    assert MISSING[0] in done.stderr


def test_a_frozen_release_keeps_what_was_recorded(tmp_path: Path) -> None:
    root = make_catalogue(tmp_path, FILES)
    freeze(read_catalogue(str(root)), "2026a", None)
    (root / "base/bookworm/unavailable.txt").unlink()
    view = at_release(read_catalogue(str(root)), "2026a")
    assert list(reasons(view, {**ANSWERS, "os": "bookworm"})) == MISSING


def test_flags_that_do_not_go_together() -> None:
    for flags in (["--record"], ["--packages", "recipes/one"]):
        done = wizard("check", *flags)
        assert done.returncode == 2
        assert "--record goes with it" in done.stderr
