from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from workbench.errors import WorkbenchError
from workbench.packages import normalized_name
from workbench.release.pins import keeps, promise_text, range_of, read_promise, series
from workbench.release.text import loosened, with_value, without_table

NUMBER = st.integers(0, 4)
VERSIONS = st.builds(
    lambda epoch, parts, end: f"{epoch}{'.'.join(map(str, parts))}{end}",
    st.sampled_from(["", "", "1!"]),
    st.lists(NUMBER, min_size=1, max_size=4),
    st.sampled_from(["", "", "", "b0", "rc1", ".post1"]),
)


@given(VERSIONS, VERSIONS)
def test_only_z_moves_and_never_back(old: str, new: str) -> None:
    if SpecifierSet(range_of(old)).contains(new, prereleases=True):
        assert keeps(old, new)
        assert Version(new) >= Version(old)
    assert SpecifierSet(range_of(old)).contains(old, prereleases=True)
    assert keeps(old, old)
    assert keeps(old, new) == keeps(new, old)


@given(VERSIONS)
def test_the_next_z_is_within_the_range_and_the_next_y_is_not(old: str) -> None:
    epoch, major, minor = series(old)
    start = f"{epoch}!{major}.{minor}"
    final = not Version(old).is_prerelease
    assert SpecifierSet(range_of(old)).contains(f"{start}.99") == final
    assert not SpecifierSet(range_of(old)).contains(f"{epoch}!{major}.{minor + 1}")
    assert not SpecifierSet(range_of(old)).contains(f"{epoch}!{major + 1}.0")


def test_a_fix_raises_the_least_and_what_is_no_version_is_reported() -> None:
    assert range_of("1.2.3", "1.2.5") == ">=1.2.5,==1.2.*"
    assert range_of("1.2.3", "1.2.1") == ">=1.2.3,==1.2.*"
    assert range_of("2.0.1+cu118") == ">=2.0.1,==2.0.*"
    with pytest.raises(WorkbenchError, match="'latest' is no version"):
        series("latest")


@given(st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9-]{0,8}\Z"), VERSIONS))
def test_a_promise_is_read_back(pins: dict[str, str]) -> None:
    assert read_promise(promise_text(pins)) == {normalized_name(name): pins[name] for name in sorted(pins)}


RELEASE = """\
# Release a.
display = "a" # shown

# About support.
[support]
until = "2027-01-01"

# About the system.
[os.c9s]
image = 'quay.io/x:1'
pythons = ["3.11"]
"""


def test_single_lines_of_a_release_file_are_changed_and_its_comments_stay() -> None:
    text = with_value(RELEASE, ("state",), "frozen")
    assert text == RELEASE.replace("# Release a.\n", '# Release a.\nstate = "frozen"\n')
    assert with_value(text, ("state",), "open") == text.replace("frozen", "open")
    assert with_value(RELEASE, ("display",), 'q"b') == RELEASE.replace('"a"', r'"q\"b"')
    digest = with_value(RELEASE, ("os", "c9s", "digest"), "sha256:0")
    assert tomllib.loads(digest)["os"]["c9s"]["digest"] == "sha256:0"
    assert digest.replace('digest = "sha256:0"\n', "") == RELEASE
    assert without_table(RELEASE, "support") == RELEASE.replace(
        '# About support.\n[support]\nuntil = "2027-01-01"\n\n', ""
    )


def test_lines_of_a_pipfile_are_opened_and_no_others() -> None:
    text = '[packages]\nUrl_Lib = "~=1.0" # why\nray = {version = "~=2.1", extras = ["data"]}\nother = "~=3.0"\n'
    opened = loosened(text, ["url-lib", "ray"])
    assert opened == text.replace('"~=1.0"', '"*"').replace('"~=2.1"', '"*"')
