"""What cannot be read, or was left out, stops whoever needs it and nobody else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, make_catalogue, selection
from tests.command import wizard
from workbench.catalog.reader import open_catalogue, read_catalogue
from workbench.catalog.reasons import reasons
from workbench.commands import here
from workbench.compose.possible import attempt, compose_checked
from workbench.errors import FaultsError, WorkbenchError

Files = Mapping[str, str | None]

OTHER: Files = {
    "bundles/2-other/display.txt": "Other\n",
    "bundles/2-other/py311/requirements.txt": "attrs==25.1.0\n",
}
NEW = ("new", "--defaults", "--dry-run", "--offline", "--date=20261122")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"bundles/2-other/py311/requirements.txt": None, "bundles/2-other/py311/Pipfile": ""},
            f"run `{here('lock')}`",
        ),
        ({"bundles/2-other/display.txt": "\n"}, "bundles/2-other/display.txt: has an empty first line"),
        ({"bundles/2-other/bundle.toml": "x = ["}, "bundles/2-other/bundle.toml: is not TOML"),
        ({"bundles/2-other/bundle.toml": 'ides = ["editr"]\n'}, "no IDE is named 'editr': did you mean editor?"),
        ({"bundles/2-other/bundle.toml": 'extends = "gone"\n'}, "no bundle is named 'gone'"),
        ({"bundles/02-other/display.txt": "Twice\n"}, "has the official name 'other', and so has bundles/02-other"),
    ],
)
def test_a_bundle_with_a_fault_stops_itself_only(tmp_path: Path, files: Files, reason: str) -> None:
    folder = str(make_catalogue(tmp_path, {**OTHER, **files}))
    catalogue = open_catalogue(folder)
    assert compose_checked(catalogue, selection()).tag.bundle == "plain"
    why = attempt(catalogue, selection(bundle="other"))[1]
    with pytest.raises(WorkbenchError) as caught:
        compose_checked(catalogue, selection(bundle="other"))
    found = caught.value.faults if isinstance(caught.value, FaultsError) else [("", caught.value.message)]
    assert any(reason in f"{where}: {message}" for where, message in found), found
    assert reason in why or "has 1 fault" in why, why
    with pytest.raises(FaultsError) as all_faults:
        read_catalogue(folder)
    assert any(reason in f"{where}: {message}" for where, message in all_faults.value.faults)


def test_a_bundle_that_stands_on_one_with_a_fault_names_it(tmp_path: Path) -> None:
    files = {**OTHER, "bundles/2-other/bundle.toml": 'extends = "plain"\n', "bundles/1-plain/bundle.toml": "x = ["}
    catalogue = open_catalogue(str(make_catalogue(tmp_path, files)))
    assert not catalogue.bundles
    assert catalogue.broken["bundle"]["other"][0] == (
        "bundles/2-other/bundle.toml",
        "extends plain, which has a fault",
    )
    assert {where for where, _ in catalogue.faults} == {"bundles/1-plain/bundle.toml"}, "reported once"


def test_a_lock_that_is_missing_for_one_python_leaves_the_other(tmp_path: Path) -> None:
    catalogue = open_catalogue(str(make_catalogue(tmp_path, {"bundles/1-plain/py312/requirements.txt": None})))
    (Path(catalogue.tree.root) / "bundles/1-plain/py312").mkdir()
    catalogue = open_catalogue(catalogue.tree.root)
    assert attempt(catalogue, selection())[1] == ""
    assert "py312 has no requirements.txt: add it" in attempt(catalogue, selection(os="bookworm", python="3.12"))[1]


def test_a_release_with_a_fault_stops_itself_only_and_no_older_one_takes_its_place(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"releases/2025b.toml": RELEASE})
    (folder / "releases/2026a.toml").write_text("x = [")
    done = wizard(*NEW, "--release=2025b", "--catalog", folder)
    assert done.returncode == 0, done.stderr
    for flags in ((), ("--release=2026a",)):
        done = wizard(*NEW, *flags, "--catalog", folder)
        assert done.returncode == 1
        assert "the release 2026a has" in done.stderr
        assert "releases/2026a.toml: is not TOML" in done.stderr
    done = wizard("check", "--catalog", folder)
    assert done.returncode == 1
    assert "is not TOML" in done.stderr


LEAVINGS: Files = {
    "base/c9s/os.toml": 'family = "rhel"\n',
    "bundles/1-plain/os/os-packages.rhel.txt": "git\n",
    "bundles/1-plain/os/os-packages.txt": "git\n",
    "bundles/1-plain/bundle.toml": 'os = ["c9s", "bookworm"]\nides = ["editor", "gone", "runtime"]\n',
    "bundles/os_packages.rhel.snippet": "USER 0\nCOPY os-packages.txt ./\nRUN yum os-packages.txt\n",
    "ides/1-editor/editor.rhel.snippet": "USER 1001\nWORKDIR /opt/app-root/src\n",
}


@pytest.mark.parametrize("left_out", [("[os.c9s]",), ("[os.c9s]", "base/c9s/os.toml")])
def test_a_system_that_is_left_out_makes_no_file_for_it_a_fault(tmp_path: Path, left_out: tuple[str, ...]) -> None:
    release = RELEASE.replace('os = "c9s"', 'os = "bookworm"')
    head, _, rest = release.partition("[os.c9s]")
    release = head + '[tools.editor.rhel]\nversion = "1"\n\n' + rest[rest.index("[os.") :]
    gone: Files = dict.fromkeys(left_out[1:])
    folder = make_catalogue(tmp_path, {**LEAVINGS, "releases/2026a.toml": release, **gone})
    assert read_catalogue(str(folder)).systems.keys() == {"bookworm"}
    done = wizard("check", "--no-lint", "--catalog", folder)
    assert done.returncode == 0, done.stderr


def test_a_damaged_release_stops_neither_the_matrix_of_another_nor_the_reading_of_tags(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"releases/2025b.toml": RELEASE, "releases/2025b/SHA256SUMS": "nonsense\n"})
    done = wizard("matrix", "--release=2026a", "--catalog", folder)
    assert done.returncode == 0, done.stderr
    done = wizard("matrix", "--catalog", folder)
    assert done.returncode == 1, "what was left out is an error at the end"
    assert "2026a" in done.stdout
    assert "releases/2025b" in done.stderr
    done = wizard("--catalog", folder, "tag", "parse", "editor-plain-c9s-py311_2026a_20261122")
    assert done.returncode == 0, done.stderr


def test_a_root_image_is_made_whatever_bundles_are_like(tmp_path: Path) -> None:
    """Its script runs: podman's part is made by one that only shows what it gets."""
    files = {"bundles/2-other/py311/Pipfile": "", "base/other/os-image.sh": '#!/bin/sh\necho made >"$1/made"\n'}
    folder = make_catalogue(tmp_path, files)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "podman").write_text(
        '#!/bin/sh\ncase "$1" in unshare) shift; exec "$@";; import) cat >/dev/null; echo sha256:0;; esac\n'
    )
    (programs / "podman").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = wizard("os-image", "--os=other", "--catalog", folder, env={"PATH": path})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "localhost/workbench-images:os-other"


def test_freezing_refuses_what_cannot_be_read(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {**OTHER, "bundles/2-other/bundle.toml": "x = ["})
    done = wizard("release", "freeze", "2026a", "--offline", "--catalog", folder)
    assert done.returncode == 1
    assert "bundles/2-other/bundle.toml: is not TOML" in done.stderr
    assert not (folder / "releases/2026a").exists()


def test_a_system_with_a_fault_stops_itself_only(tmp_path: Path) -> None:
    files = {"base/c9s/os.toml": "x = [", "bundles/1-plain/os/os-packages.txt": "git\n"}
    catalogue = open_catalogue(str(make_catalogue(tmp_path, files)))
    assert attempt(catalogue, selection(os="bookworm"))[1] == ""
    for base in ("standard", "cuda-devel"):
        with pytest.raises(FaultsError, match="the operating system c9s has 1 fault"):
            compose_checked(catalogue, selection(base=base))
        assert list(reasons(catalogue, {"release": "2026a", "base": base, "os": "c9s", "bundle": "plain"})) == [
            "base/c9s/os.toml: is not TOML: Invalid value (at end of document)"
        ]
