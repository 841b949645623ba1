from __future__ import annotations

from pathlib import Path

import pytest

from workbench.catalog.values import Catalogue
from workbench.errors import UsageError
from workbench.wizard.steps import STEPS, check_image, check_out


def test_the_image_is_taken_for_another_base_only(catalogue: Catalogue) -> None:
    (image,) = (step for step in STEPS if step.name == "image")
    assert image.is_taken(catalogue, {"base": "other"})
    assert not image.is_taken(catalogue, {"base": "cuda"})
    assert not image.is_taken(catalogue, {})


@pytest.mark.parametrize("text", ["20261122", " latest "])
def test_a_date_may_have_blanks_around_it(text: str) -> None:
    (date,) = (step for step in STEPS if step.name == "date")
    assert date.check(text) == text.strip()


@pytest.mark.parametrize("text", ["quay.io/me/image:1", " localhost/image ", "registry:5000/a@sha256:" + "0" * 64])
def test_an_image_names_its_registry(text: str) -> None:
    assert check_image(text) == text.strip()


@pytest.mark.parametrize("text", ["", "ubuntu", "me/image:1", "standard", "quay.io/Me/image", "quay.io/a b", "a\nb"])
def test_an_image_that_does_not_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no image with its registry"):
        check_image(text)


def test_a_folder_may_exist_or_not_and_be_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert check_out("recipes") == "recipes"
    assert check_out(f" {tmp_path}/a/b c ") == f"{tmp_path}/a/b c"
    assert check_out(str(tmp_path)) == str(tmp_path)
    assert check_out("~/recipes") == f"{tmp_path}/recipes"
    assert check_out("/") == "/"


def test_what_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for text, message in (
        ("  ", "name a folder"),
        ("a\tb", "control characters"),
        (f"{tmp_path}/file", "file is not a folder"),
        (f"{tmp_path}/file/below", "file is not a folder"),
    ):
        with pytest.raises(UsageError, match=message):
            check_out(text)
