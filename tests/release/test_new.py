"""`release new`: its name, its days, and the first release of a catalogue that has none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, make_catalogue
from tests.command import wizard
from workbench.catalog.reader import read_catalogue
from workbench.release.text import without_table


def test_it_dates_itself_and_makes_no_claim_of_the_release_before(tmp_path: Path) -> None:
    head = "# Release 2026a. Versions and sources checked 2026-11-22.\n# More of that.\n"
    folder = make_catalogue(tmp_path, {"releases/2026a.toml": head + RELEASE})
    days = ("--today=2026-12-01", "--until=2027-12-31")
    done = wizard("release", "new", *days, "--catalog", folder)
    assert (done.returncode, done.stdout) == (0, "releases/2026b.toml\n"), done.stderr
    text = (folder / "releases/2026b.toml").read_text()
    assert text.startswith("# Release 2026b, made on 2026-12-01: it pins what 2026a pinned then.\ndisplay = ")
    assert "2026-11-22" not in text
    assert text.endswith('\n[support]\nfrom = "2026-12-01"\nuntil = "2027-12-31"\n')
    assert without_table(text, "support").rstrip().endswith(RELEASE.rstrip())
    done = wizard("release", "new", "--today=2027-01-04", "--catalog", folder)
    assert done.stdout == "releases/2027a.toml\n"
    assert wizard("release", "new", "--today=2026-12-24", "--catalog", folder).stdout == "releases/2026c.toml\n"
    assert read_catalogue(str(folder)).releases["2026c"].since == "2026-12-24"


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--until=2026-11-01", "--today=2026-11-22"), "support from 2026-11-22 cannot end on 2026-11-01"),
        (("--until=soon",), "'soon' is no day"),
        (("--os=c9s=quay.io/a/b:c",), "--os is for a catalogue without a release"),
    ],
)
def test_wrong_flags_make_nothing(tmp_path: Path, flags: tuple[str, ...], why: str) -> None:
    folder = make_catalogue(tmp_path)
    done = wizard("release", "new", "2027a", *flags, "--catalog", folder)
    assert done.returncode == 2
    assert why in done.stderr
    assert [path.name for path in (folder / "releases").iterdir()] == ["2026a.toml"]


def test_a_catalogue_without_a_release_gets_its_first(tmp_path: Path) -> None:
    files = {
        "releases/2026a.toml": None,
        "base/c9s/3.11/requirements.txt": "pip==26.3\n",
        "cuda-layer/base/Containerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nENV CUDA_VERSION 11.8.0\n",
    }
    folder = make_catalogue(tmp_path, files)
    done = wizard("release", "new", "--today=2026-12-01", "--until=2027-01-31", "--catalog", folder)
    assert (done.returncode, done.stdout) == (0, "releases/2026a.toml\n"), done.stderr
    assert "the root image of c9s is quay.io/sclorg/python-312-c9s:c9s: see that it has Python 3.11" in done.stderr
    release = read_catalogue(str(folder)).releases["2026a"]
    assert release.systems["c9s"].pythons == ("3.11",), "those of its base that a bundle has packages for"
    assert release.cuda == {"version": "11.8.0"}
    assert (release.since, release.until) == ("2026-12-01", "2027-01-31")
    done = wizard("new", "--defaults", "--offline", "--date=20261201", "--out", tmp_path / "out", "--catalog", folder)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/editor-plain-c9s-py311_2026a_20261201/Containerfile").exists()


@pytest.mark.thorough
def test_the_systems_of_a_first_release_can_be_named(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"releases/2026a.toml": None})
    new = ("release", "new", "2023c", "--catalog", folder, "--json")
    done = wizard(*new)
    assert done.returncode == 1
    assert "release new 2023c --os c9s=quay.io/sclorg/python-312-c9s:c9s" in done.stderr
    for image, why in (("python:3.11", "no fully qualified image"), ("", "no fully qualified image")):
        done = wizard(*new, f"--os=c9s={image}")
        assert done.returncode == 2
        assert why in done.stderr
    done = wizard(*new, "--os=c9s=quay.io/sclorg/python-311-c9s:c9s")
    assert json.loads(done.stdout) == {"made": ["releases/2023c.toml"]}, done.stderr
    (system,) = read_catalogue(str(folder)).releases["2023c"].systems.values()
    assert (system.image, system.pythons) == ("quay.io/sclorg/python-311-c9s:c9s", ("3.12", "3.11"))


@pytest.mark.thorough
def test_a_catalogue_without_a_release_is_read_by_whoever_needs_none(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"releases/2026a.toml": None})
    assert wizard("list", "--catalog", folder).returncode == 0
    for verb in (("new", "--defaults"), ("audit",), ("doctor", "--bundle=plain")):
        done = wizard(*verb, "--catalog", folder)
        assert done.returncode == 1
        assert "the catalogue has no release" in done.stderr
