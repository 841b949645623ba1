from __future__ import annotations

import time
from pathlib import Path

from tests.catalogues import make_catalogue
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.wizard.choices import choices_of
from workbench.wizard.prompt import Choice

GIVEN = {"release": "2026a", "date": "20261122", "base": "standard", "os": "c9s", "python": "3.11"}

RELEASE = '[os.c9s]\nimage = "quay.io/sclorg/python-39-c9s:c9s"\npythons = ["3.9"]\n'


def test_releases_come_newest_first_and_a_retired_one_is_marked(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"releases/2025a.toml": f'state = "retired"\ndisplay = "Last year"\n{RELEASE}'})
    assert choices_of("release", read_catalogue(str(folder)), {}) == [
        Choice("2026a", "2026a  2026a"),
        Choice("2025a", "2025a  Last year", "release 2025a is retired"),
    ]


def test_names_that_their_labels_hold_are_not_repeated(catalogue: Catalogue) -> None:
    assert choices_of("release", catalogue, {}) == [Choice("2026a", "2026a")]


def test_bases_are_ours_and_another_image(catalogue: Catalogue) -> None:
    assert choices_of("base", catalogue, {"release": "2026a", "date": "20261122"}) == [
        Choice("standard", "standard    Standard (no CUDA)"),
        Choice("cuda", "cuda        CUDA 13.0.2 runtime with cuDNN"),
        Choice("cuda-devel", "cuda-devel  CUDA 13.0.2 devel with cuDNN (compilers and headers)"),
        Choice("cuda-thin", "cuda-thin   CUDA 13.0.2 environment only, for wheels that bring their own"),
        Choice("other", "other       another image"),
    ]


def test_a_release_without_cuda_has_no_cuda_bases(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {"releases/2026a.toml": RELEASE})))
    found = {choice.value: choice.reason for choice in choices_of("base", catalogue, {"release": "2026a"})}
    why = "release 2026a pins no CUDA"
    assert found == {"standard": "", "cuda": why, "cuda-devel": why, "cuda-thin": why, "other": ""}


def test_the_systems_and_pythons_of_other_releases_are_shown_with_the_reason(tmp_path: Path) -> None:
    files = {"releases/2025a.toml": RELEASE.replace("c9s", "c8s")}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    assert {choice.value: choice.reason for choice in choices_of("os", catalogue, {"release": "2026a"})} == {
        "c9s": "",
        "bookworm": "",
        "c8s": "release 2026a has no operating system c8s",
    }
    assert choices_of("python", catalogue, {"release": "2026a", "os": "c9s"}) == [
        Choice("3.11", "3.11"),
        Choice("3.12", "3.12", "release 2026a has no Python 3.12 on c9s (it has 3.11)"),
        Choice("3.9", "3.9", "release 2026a has no Python 3.9 on c9s (it has 3.11)"),
    ]


def test_a_bundle_is_impossible_by_its_own_rules_or_when_no_ide_goes_with_it(catalogue: Catalogue) -> None:
    assert {choice.value: choice.reason for choice in choices_of("bundle", catalogue, GIVEN)} == {
        "plain": "",
        "torch": "bundle torch needs a CUDA base",
        "lonely": "no IDE goes with it: bundle lonely needs company, which no IDE provides",
    }


def test_an_ide_whose_recipe_could_not_be_built_names_what_is_missing(catalogue: Catalogue) -> None:
    assert {choice.value: choice.reason for choice in choices_of("ide", catalogue, {**GIVEN, "bundle": "plain"})} == {
        "editor": "",
        "runtime": "",
        "broken": "ides/3-broken/broken.snippet:2: COPY missing.sh: the recipe has no such file",
    }


def test_two_hundred_bundles_and_twenty_ides_are_listed_at_once(tmp_path: Path) -> None:
    files = {}
    for number in range(10, 210):
        files[f"bundles/{number}-b{number}/display.txt"] = "Bundle\n"
        files[f"bundles/{number}-b{number}/bundle.toml"] = 'ides = ["i29"]\n'
        files[f"bundles/{number}-b{number}/py311/requirements.txt"] = "attrs==25.1.0\n"
    for number in range(10, 30):
        files[f"ides/{number}-i{number}/display.txt"] = "IDE\n"
        files[f"ides/{number}-i{number}/i{number}.snippet"] = "USER 1001\nWORKDIR /opt/app-root/src\n"
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    before = time.process_time()
    found = choices_of("bundle", catalogue, GIVEN)
    # It takes some 10 ms; composing the 4,000 would take many seconds.
    assert time.process_time() - before < 1.0
    assert [choice.value for choice in found if not choice.reason] == ["plain", *(f"b{n}" for n in range(10, 210))]
