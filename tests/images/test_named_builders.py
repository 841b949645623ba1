"""Builders by name: the file of a site, and how a name becomes addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.images.backend import BuilderChoice, choose
from workbench.images.named_builders import builders_file

FILE = """\
[one]
addresses = ["unix:///run/buildkit/buildkitd.sock"]
certificates = "certs"

[team]
addresses = ["tcp://builder-1:1234", "ssh://builder-2", "tcp://builder-1:1234"]
certificates = "certs"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "builders.toml").write_text(FILE)
    return {"WORKBENCH_BUILDERS": str(tmp_path / "builders.toml")}


def test_a_name_stands_for_its_addresses(environment: dict[str, str], tmp_path: Path) -> None:
    choice = choose("", "team", environment=environment)
    expected = ("tcp://builder-1:1234", f"{tmp_path}/certs", ("ssh://builder-2",))
    assert (choice.address, choice.certificates, choice.others) == expected
    assert choose("", "team", "/given", environment=environment).certificates == "/given"
    assert choose("buildkit", environment={**environment, "BUILDKIT_HOST": "team"}).others == ("ssh://builder-2",)
    # A socket has no use for certificates.
    expected_one = BuilderChoice("buildkit", "--buildkit names it", "unix:///run/buildkit/buildkitd.sock")
    assert choose("", "one", environment=environment) == expected_one


def test_an_address_is_never_looked_up(environment: dict[str, str]) -> None:
    for address in ("tcp://builder:1234", "builder:1234", "../team", "/run/buildkit.sock"):
        assert choose("", address, environment=environment).address == address
    # Nor is a name, where nobody has given names.
    assert choose("", "team", environment={"XDG_CONFIG_HOME": "/nowhere"}).address == "team"


def test_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "workbench-images").mkdir()
    (tmp_path / "workbench-images/builders.toml").write_text(FILE)
    assert choose("", "team", environment={"XDG_CONFIG_HOME": str(tmp_path)}).others == ("ssh://builder-2",)
    assert builders_file({}).endswith("/.config/workbench-images/builders.toml")
    with pytest.raises(FaultsError, match="cannot be used"):
        choose("", "team", environment={"WORKBENCH_BUILDERS": str(tmp_path / "other.toml")})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ('[teams]\naddresses = ["tcp://b:1"]\n', WorkbenchError, "no builder is named 'team'"),
        ("[team]\naddresses = []\n", WorkbenchError, "the builder team has no addresses"),
        ('[team]\naddresses = ["b:1"]\n', UsageError, "the builder team: 'b:1' is no address of a BuildKit"),
        ('[team]\naddress = ["tcp://b:1"]\n', FaultsError, "unknown key 'address': did you mean addresses?"),
        ('[team]\naddresses = "tcp://b:1"\n', FaultsError, "team.addresses must be a list of strings"),
        ('["a b"]\naddresses = ["tcp://b:1"]\n', WorkbenchError, "'a b' cannot name a builder"),
        ("[team\n", FaultsError, "is not TOML"),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(
    text: str, error: type[WorkbenchError], message: str, tmp_path: Path
) -> None:
    (tmp_path / "builders.toml").write_text(text)
    with pytest.raises(error) as caught:
        choose("", "team", environment={"WORKBENCH_BUILDERS": str(tmp_path / "builders.toml")})
    faults = (
        caught.value.faults if isinstance(caught.value, FaultsError) else ((caught.value.where, str(caught.value)),)
    )
    assert any(message in text and str(tmp_path / "builders.toml") in where for where, text in faults), faults
