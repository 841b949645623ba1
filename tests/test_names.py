from __future__ import annotations

import pytest

from workbench.errors import UsageError, WorkbenchError
from workbench.names import check_date, is_image, is_name, is_qualified, pick, python_folder, python_version, with_tag


@pytest.mark.parametrize(
    ("image", "valid", "qualified"),
    [
        ("quay.io/team/image:tag", True, True),
        ("localhost/workbench-images:base-c9s-py311_2026a_20261122", True, True),
        ("localhost:5000/image", True, True),
        ("registry:5000/image:1", True, True),
        ("docker.io/library/debian@sha256:" + "a" * 64, True, True),
        ("debian:12", True, False),
        ("library/debian", True, False),
        ("Quay.io/Team/image", False, False),
        ("quay.io/team/image:", False, False),
        ("quay.io/team/image:a b", False, False),
        ("quay.io/../image", False, False),
        ("image; reboot", False, False),
        ("$(reboot)", False, False),
        ("", False, False),
    ],
)
def test_image_references(image: str, valid: bool, qualified: bool) -> None:
    assert (is_image(image), is_qualified(image)) == (valid, qualified)


def test_with_tag_keeps_a_port() -> None:
    assert with_tag("localhost:5000/team/image:old", "new") == "localhost:5000/team/image:new"
    assert with_tag("quay.io/image@sha256:" + "0" * 64, "new") == "quay.io/image:new"


@pytest.mark.parametrize("name", ["a", "jupyter", "stability-studio", "a.b", "R", "my_bundle", "9"])
def test_good_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a..b", "-a", "a-", "a/b", "a b", "a\n", "é", "a$b", "../x"])
def test_bad_names(name: str) -> None:
    assert not is_name(name)


def test_python_names_go_both_ways() -> None:
    assert python_folder("3.11") == "py311"
    assert python_version("py311") == "3.11"
    assert python_version("py39") == "3.9"
    assert python_version("python3") is None
    for wrong in ("3", "3.11.7", "py311", "x", ""):
        with pytest.raises(UsageError, match="is not a Python version"):
            python_folder(wrong)


@pytest.mark.parametrize("text", ["20261122", "20240229", "latest"])
def test_good_dates(text: str) -> None:
    assert check_date(text) == text


@pytest.mark.parametrize("text", ["20260229", "00000000", "2026112", "20261122x", "٢٠٢٦١١٢٢", "", "Latest"])
def test_bad_dates(text: str) -> None:
    with pytest.raises(UsageError):
        check_date(text)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(WorkbenchError) as caught:
        pick("jupiter", ["vscode", "jupyter"], "IDE")
    assert (caught.value.message, caught.value.hint) == ("no IDE is named 'jupiter'", "did you mean jupyter?")
    with pytest.raises(WorkbenchError) as caught:
        pick("zzz", ["vscode", "jupyter"], "IDE")
    assert caught.value.hint == "there is vscode, jupyter"
