from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.command import wizard
from tests.monobase.models import index_in, offline, run
from tests.monobase.wheels import MINOR, python_flag, this_python, write_generation
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
        (["file://host/cog.whl"], "", "'file://host/cog.whl' is not a version of cog"),
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
    assert cog_name("https://host/coglet.whl").startswith("coglet")
    assert [cog_name(text) for text in ("coglet", "coglet==0.1.0a2")] == ["cogletlatest", "coglet0.1.0a2"]


def test_a_cog_that_is_a_file_is_installed_and_activated_by_its_address(tmp_path: Path) -> None:
    index = index_in(tmp_path / "index")
    write_generation(tmp_path / "data", 1, {"plain": index.lock(tmp_path / "plain.txt", index.pins["tool"])})
    address = f"file://{index.folder}/cog-1.0-py3-none-any.whl"
    where = ("--prefix", tmp_path / "prefix", "--data", tmp_path / "data")
    done = wizard("monobase", "build", *where, python_flag(), "--cog-versions", address, env=offline(index))
    assert done.returncode == 0, done.stderr
    code = "import cog, schema; print(cog.VERSION, schema.VERSION, cog.__file__)"
    for cog in (address, ""):
        named = {"R8_COG_VERSION": cog, "MONOBASE_STACK": "plain"}
        ran = run(tmp_path / "prefix", tmp_path / "cache", "python", "-c", code, **named)
        assert ran.returncode == 0, ran.stderr
        one, needed, path = ran.stdout.split()
        assert (one, needed) == ("1.0", "1.0")
        assert f"/{cog_name(address)}-python{MINOR}/" in path
    beside = wizard(
        *("monobase", "cog", "--prefix", tmp_path / "prefix", "--version", address.replace("1.0", "2.0")),
        *("--python", MINOR, "--interpreter", this_python().path),
        env={**offline(index), "MONOBASE_CACHE": str(tmp_path / "cache")},
    )
    assert beside.returncode == 0, beside.stderr


def test_coglet_is_a_cog_with_or_without_its_version(tmp_path: Path) -> None:
    index = index_in(tmp_path / "index")
    index.add("coglet", "0.1.0", files={"cog/__init__.py": "VERSION = 'coglet'\n"})
    write_generation(tmp_path / "data", 1, {"plain": index.lock(tmp_path / "plain.txt", index.pins["tool"])})
    where = ("--prefix", tmp_path / "prefix", "--data", tmp_path / "data")
    named = ["coglet", "coglet==0.1.0", f"file://{index.folder}/coglet-0.1.0-py3-none-any.whl"]
    flags = ("--cog-versions", *named, "--default-cog-version", "coglet")
    done = wizard("monobase", "build", *where, python_flag(), *flags, env=offline(index))
    assert done.returncode == 0, done.stderr
    for cog in (*named, ""):
        given = {"R8_COG_VERSION": cog, "MONOBASE_STACK": "plain"}
        code = "import cog; print(cog.VERSION, cog.__file__)"
        ran = run(tmp_path / "prefix", tmp_path / "cache", "python", "-c", code, **given)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith("coglet ")
        assert f"/{cog_name(cog or 'coglet')}-python{MINOR}/" in ran.stdout


def test_the_newest_full_version_of_every_python_counts() -> None:
    assert newest_pythons(load_all(DATA / "test")) == PYTHONS
