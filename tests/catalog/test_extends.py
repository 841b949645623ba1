from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons
from workbench.errors import FaultsError

FAMILY = {
    "bundles/1-plain/bundle.toml": 'provides = ["words"]\n',
    "bundles/2-child/display.txt": "Child",
    "bundles/2-child/bundle.toml": 'cuda = "never"\nextends = "plain"\n',
    "bundles/3-grandchild/display.txt": "Grandchild",
    "bundles/3-grandchild/bundle.toml": 'extends = "child"\nprovides = ["more"]\n',
    "ides/3-needy/display.txt": "Needy",
    "ides/3-needy/needy.snippet": "USER 1001\nWORKDIR /opt/app-root/src\n",
    "ides/3-needy/ide.toml": 'needs = ["words", "child", "more"]\n',
}


def test_what_a_bundle_builds_on_is_followed_to_the_end(tmp_path: Path) -> None:
    bundles = read_catalogue(str(make_catalogue(tmp_path, FAMILY))).bundles
    assert {name: (bundle.extends, bundle.above) for name, bundle in bundles.items()} == {
        "plain": ("", ()),
        "child": ("plain", ("plain",)),
        "grandchild": ("child", ("plain", "child")),
    }


def test_what_the_parents_provide_counts_and_their_rules_do_not(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, FAMILY)))
    assert catalogue.bundles["grandchild"].rules.provides == ("plain", "words", "child", "more")
    assert list(reasons(catalogue, {"release": "2026a", "base": "cuda", "bundle": "grandchild", "ide": "needy"})) == []
    assert list(reasons(catalogue, {"release": "2026a", "bundle": "child", "ide": "needy"})) == [
        "IDE needy goes with bundle grandchild only"
    ]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            {"2-child": '# none\nextends = "plan"\n'},
            [("bundles/2-child/bundle.toml:2", "no bundle is named 'plan': did you mean plain?")],
        ),
        (
            {"2-child": 'extends = "child"\n'},
            [("bundles/2-child/bundle.toml:1", "extends child, which builds on child itself")],
        ),
        (
            {"1-plain": 'extends = "child"\n', "2-child": '\nextends = "plain"\n'},
            [
                ("bundles/1-plain/bundle.toml:1", "extends child, which builds on plain itself"),
                ("bundles/2-child/bundle.toml:2", "extends plain, which builds on child itself"),
            ],
        ),
        ({"2-child": "extends = 2\n"}, [("bundles/2-child/bundle.toml:1", "extends must be a string")]),
    ],
)
def test_an_unknown_parent_and_a_circle_are_reported_with_their_line(
    tmp_path: Path, rules: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    files = {**FAMILY, **{f"bundles/{folder}/bundle.toml": text for folder, text in rules.items()}}
    files = {path: text for path, text in files.items() if "3-" not in path}
    with pytest.raises(FaultsError) as caught:
        read_catalogue(str(make_catalogue(tmp_path, files)))
    assert caught.value.faults == expected


def test_a_parent_with_a_fault_of_its_own_is_no_unknown_name(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {**FAMILY, "bundles/1-plain/display.txt": None})
    with pytest.raises(FaultsError) as caught:
        read_catalogue(str(folder))
    assert [where for where, _ in caught.value.faults] == ["bundles/1-plain/display.txt"]
