from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.monobase.choose import cog_name
from workbench.monobase.cog import cog_spec, newest_pythons
from workbench.monobase.generation import DATA, load_all

PYTHONS = {"3.11": "3.11.18", "3.12": "3.12.16"}
VERSIONS = st.lists(st.sampled_from(["0.9.0", "0.11.3", "0.23.1", "https://host/cog.whl"]), min_size=1, unique=True)


@given(VERSIONS, st.data())
def test_the_id_is_by_what_is_in_it_and_not_by_the_order(versions: list[str], data: st.DataObject) -> None:
    default = data.draw(st.sampled_from(versions))
    name = cog_spec(versions, default, PYTHONS).name
    assert cog_spec(data.draw(st.permutations(versions)), default, dict(reversed(PYTHONS.items()))).name == name
    others = {cog_spec(versions, other, PYTHONS).name for other in versions if other != default}
    others.add(cog_spec([*versions, "1.0"], default, PYTHONS).name)
    others.add(cog_spec(versions, default, {**PYTHONS, "3.12": "3.12.17"}).name)
    assert name not in others
    assert len(name) == 9


@pytest.mark.parametrize(
    ("versions", "default", "message"),
    [
        (["0.9.0", "0.11.3"], "", "no default is named among the cog versions"),
        (["0.9.0"], "0.11.3", "'0.11.3' is not among the cog versions"),
        (["../x"], "", "'../x' is not a version of cog"),
        (["http://host/cog.whl"], "", "'http://host/cog.whl' is not a version of cog"),
        (["0.9.0; rm -rf /"], "", "'0.9.0; rm -rf /' is not a version of cog"),
    ],
)
def test_a_wrong_choice_of_cogs(versions: list[str], default: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        cog_spec(versions, default, PYTHONS)
    assert caught.value.message == message


def test_the_only_one_is_the_default() -> None:
    assert cog_spec(["0.23.1"], "", PYTHONS).default == "0.23.1"


def test_a_cog_at_an_address_is_named_by_the_addresss_digest() -> None:
    assert cog_name("0.23.1") == "cog0.23.1"
    assert cog_name("https://host/cog.whl") == "cogd12f7401"


def test_the_newest_full_version_of_every_python_counts() -> None:
    assert newest_pythons(load_all(DATA / "test")) == PYTHONS
