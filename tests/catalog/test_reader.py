from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue
from workbench.catalog.reader import read_catalogue
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError


def faults_of(folder: Path) -> list[tuple[str, str]]:
    with pytest.raises(FaultsError) as caught:
        read_catalogue(str(folder))
    return caught.value.faults


def test_a_catalogue_is_read_by_folder(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path)))
    assert list(catalogue.bundles) == ["plain"]
    assert list(catalogue.ides) == ["editor", "runtime"]
    assert list(catalogue.systems) == ["c9s", "bookworm"]
    assert list(catalogue.releases) == ["2026a"]
    plain = catalogue.bundles["plain"]
    assert (plain.folder, plain.display) == ("bundles/1-plain", "Plain")
    assert plain.pythons == {"py311": ("requirements-editor.txt", "requirements.txt"), "py312": ("requirements.txt",)}
    assert [ide.image_type for ide in catalogue.ides.values()] == ["workbench", "runtime"]


def test_our_own_catalogue_has_no_fault() -> None:
    catalogue = read_catalogue(str(REPOSITORY))
    assert "2026a" in catalogue.releases
    assert list(catalogue.bundles)[:2] == ["minimal", "datascience"]


def test_numbers_order_and_go_then_names(tmp_path: Path) -> None:
    parts = {f"bundles/{name}/display.txt": name for name in ("10-ten", "9-nine", "zeta", "Alpha", "2-two-b")}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {**parts})))
    assert list(catalogue.bundles) == ["plain", "two-b", "nine", "ten", "Alpha", "zeta"]


def test_all_faults_are_reported_in_one_go(tmp_path: Path) -> None:
    folder = make_catalogue(
        tmp_path,
        {
            "bundles/1-plain/display.txt": "\n",
            "bundles/2-nolabel/os/os-packages.txt": "git\n",
            "bundles/3-bell/display.txt": "Ding\a\n",
            "bundles/04-plain/display.txt": "Again",
            "bundles/5-a b/display.txt": "Blank",
            "bundles/6-toml/display.txt": "Toml",
            "bundles/6-toml/bundle.toml": '# rules\ncuda = "required"\n\noses = ["c9s"]\n',
            "bundles/7-empty/display.txt": "Empty",
            "bundles/7-empty/os/readme": "",
            "bundles/8-unlocked/display.txt": "Unlocked",
            "bundles/8-unlocked/py311/Pipfile": "",
            "bundles/9-long/display.txt": "x" * 201,
            "ides/1-editor/editor.snippet": None,
            "ides/2-runtime/ide.toml": 'bundles = ["plan"]\nos = ["c8s"]\n',
            "ides/3-both/display.txt": "Both",
            "ides/3-both/both.snippet": "",
            "ides/3-both/both.snippet.j2": "",
            "ides/4-variant/display.txt": "Variant",
            "ides/4-variant/variant.bokworm.snippet": "",
        },
    )
    assert faults_of(folder) == [
        ("bundles/04-plain", "has the official name 'plain', and so has bundles/1-plain"),
        ("bundles/1-plain/display.txt", "has an empty first line: the wizard needs a label for bundles/1-plain"),
        ("bundles/2-nolabel/display.txt", "is missing: the wizard needs a label for bundles/2-nolabel"),
        ("bundles/3-bell/display.txt", "has control characters in its first line"),
        (
            "bundles/5-a b",
            "'a b' cannot be part of a tag: use letters and digits, with dots, hyphens and underscores between them",
        ),
        ("bundles/6-toml/bundle.toml:4", "unknown key 'oses': did you mean os or provides or ides?"),
        ("bundles/7-empty/os", "has no os-packages.txt: add it or remove the folder"),
        ("bundles/8-unlocked/py311", f"has no requirements.txt: run `{here('lock')}`"),
        ("bundles/9-long/display.txt", "has a first line of 201 characters, and 200 are allowed"),
        ("ides/1-editor", "has no editor.snippet"),
        ("ides/2-runtime/ide.toml", "no bundle is named 'plan': did you mean plain or long?"),
        ("ides/2-runtime/ide.toml", "no operating system is named 'c8s': did you mean c9s?"),
        ("ides/3-both/both.snippet.j2", "stands beside ides/3-both/both.snippet: keep one of the two"),
        (
            "ides/4-variant/variant.bokworm.snippet",
            "no operating system or family is named 'bokworm': did you mean bookworm?",
        ),
    ]


@pytest.mark.parametrize(
    ("release", "fault"),
    [
        (RELEASE + "[suport]\n", ("releases/2026a.toml:17", "unknown key 'suport'")),
        (
            RELEASE.replace("pythons = ", "python = "),
            ("releases/2026a.toml:12", "unknown key 'python': did you mean pythons?"),
        ),
        (RELEASE.replace('["3.11"]', '["three"]'), ("releases/2026a.toml:12", "'three' is not a Python version")),
        (
            RELEASE.replace("quay.io/", ""),
            ("releases/2026a.toml:11", "'sclorg/python-311-c9s:c9s' is no fully qualified image"),
        ),
        (
            RELEASE.replace('bundle = "plain"', 'bundle = "plan"'),
            ("releases/2026a.toml", "no default bundle is named 'plan'"),
        ),
        ('repository = "images"\n' + RELEASE, ("releases/2026a.toml:1", "'images' does not name its registry")),
        (
            'state = "shut"\n' + RELEASE,
            ("releases/2026a.toml:1", "state must be one of open, frozen, retired, not 'shut'"),
        ),
        ("[os.c9s]\n", ("releases/2026a.toml:1", "os.c9s needs image")),
        (
            RELEASE + "[cuda.rpms]\nruntimes = []\n",
            ("releases/2026a.toml:18", "'runtimes' is no CUDA layer: did you mean runtime"),
        ),
        ('[support]\nfrom = "2026-02-30"\n' + RELEASE, ("releases/2026a.toml:2", "'2026-02-30' is no day")),
        ('[support]\nfrom = "20261122"\n' + RELEASE, ("releases/2026a.toml:2", "'20261122' is no day")),
        ('[support]\nuntill = "2026-02-03"\n' + RELEASE, ("releases/2026a.toml:2", "'untill': did you mean until?")),
        (
            RELEASE.replace("pythons = ", 'digest = "sha256:12"\npythons = ', 1),
            ("releases/2026a.toml:12", "'sha256:12' is no digest"),
        ),
        (
            RELEASE + '[[recipes]]\nbase = "cuda"\n\n[[recipes]]\nbase = "cuda"\nbundel = "plain"\n',
            ("releases/2026a.toml:22", "unknown key 'bundel': did you mean bundle"),
        ),
        (RELEASE + '[[recipes]]\nbase = "cuda"\n', ("releases/2026a.toml:17", "recipes needs os, python, bundle, ide")),
        ('security = ["x"]\n' + RELEASE, ("releases/2026a.toml:1", "security must be a list of tables")),
        (
            RELEASE + '[[security]]\npackage = "x"\nfixed = 1\n',
            ("releases/2026a.toml:19", "security.0.fixed must be a string"),
        ),
        ("a = 1\nb = ]", ("releases/2026a.toml:2", "is not TOML")),
        ("", ("releases/2026a.toml", "names no operating system")),
        ("\udcff", ("releases/2026a.toml:1", "is not UTF-8")),
    ],
)
def test_a_wrong_release_file_is_reported_with_its_line(tmp_path: Path, release: str, fault: tuple[str, str]) -> None:
    folder = make_catalogue(tmp_path)
    (folder / "releases/2026a.toml").write_bytes(release.encode(errors="surrogateescape"))
    where, message = fault
    assert [found for found in faults_of(folder) if found[0] == where and message in found[1]], faults_of(folder)


def test_a_release_that_exists_twice_is_reported(tmp_path: Path) -> None:
    """On a file system that ignores case their folders would be one."""
    folder = make_catalogue(tmp_path, {"releases/2026A.toml": RELEASE})
    assert faults_of(folder) == [("releases/2026A.toml", "names the same release as releases/2026a.toml")]
    (folder / "releases/2026A.toml").unlink()
    (folder / "releases/2026a.toml").write_text(RELEASE + "\n[os.c9s]\n")
    ((where, message),) = [fault for fault in faults_of(folder) if "TOML" in fault[1]]
    assert where == "releases/2026a.toml:18", message


def test_missing_rooms_are_named(tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    assert faults_of(tmp_path) == [
        ("ides", "is missing"),
        ("releases", "holds no release: add a file such as releases/2026a.toml"),
        ("snippets/base", "is missing"),
    ]
    with pytest.raises(WorkbenchError, match="no such catalogue folder"):
        read_catalogue(str(tmp_path / "nowhere"))


def test_a_link_that_leaves_the_catalogue_is_a_fault(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    (folder / "bundles/1-plain/py311/requirements-more.txt").symlink_to(outside)
    (folder / "ides/1-editor/files").joinpath("gone").symlink_to("nothing")
    assert faults_of(folder) == [("bundles/1-plain/py311/requirements-more.txt", "is a link that leaves the catalogue")]


def test_a_link_inside_the_catalogue_is_followed(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    display = folder / "ides/2-runtime/display.txt"
    display.unlink()
    display.symlink_to("../1-editor/display.txt")
    assert read_catalogue(str(folder)).ides["runtime"].display == "Editor"


def test_an_unreadable_file_is_a_fault(tmp_path: Path) -> None:
    """Seen as a user who may not read it: root's power over files is taken from the process first."""
    folder = make_catalogue(tmp_path)
    (folder / "ides/1-editor/display.txt").chmod(0)
    powers = "-dac_override,-dac_read_search"
    ordinary = ["setpriv", "--bounding-set", powers, "--inh-caps", powers] if os.geteuid() == 0 else []
    check = [sys.executable, "wizard.py", "check", "--catalog", str(folder)]
    done = subprocess.run([*ordinary, *check], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert "ides/1-editor/display.txt: cannot be read: Permission denied" in done.stderr


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A folder in the file's place cannot be read by anyone, root included."""
    folder = make_catalogue(tmp_path)
    (folder / "releases/2026a.toml").unlink()
    (folder / "releases/2026a.toml").mkdir()
    (folder / "ides/1-editor/ide.toml").symlink_to("files")
    assert ("releases", "holds no release: add a file such as releases/2026a.toml") in faults_of(folder)


def test_what_an_ide_uses_and_a_release_pins_must_be_there(tmp_path: Path) -> None:
    folder = make_catalogue(
        tmp_path,
        {
            "ides/1-editor/ide.toml": 'uses = ["base", "frnt"]\n',
            "ides/1-editor/builder/readme": "",
            "snippets/front/files/x": "",
            "releases/2026a.toml": RELEASE + '[tools.editor.c9]\nversion = "1.2"\n',
        },
    )
    found = dict(faults_of(folder))
    assert "no folder of snippets/ is named 'frnt': did you mean front?" in found["ides/1-editor/ide.toml"]
    assert "has no builder.snippet" in found["ides/1-editor/builder"]
    assert "for the tool editor, is named 'c9'" in found["releases/2026a.toml"]


def test_what_python_leaves_beside_a_module_is_no_file_of_the_catalogue(tmp_path: Path) -> None:
    files = {f"ides/1-editor/files/{path}": "" for path in ("front/__init__.py", "front/__pycache__/x.pyc", "front/a")}
    tree = read_catalogue(str(make_catalogue(tmp_path, files))).tree
    assert tree.walk("ides/1-editor/files") == ["front/__init__.py", "front/a", "start.sh"]
