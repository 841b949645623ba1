from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.errors import UsageError, WorkbenchError
from workbench.images.buildkit.llb.address import Address, Certificates, parse


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///run/buildkit/buildkitd.sock", Address(path="/run/buildkit/buildkitd.sock")),
        ("tcp://build.example.org:1234", Address(host="build.example.org", port=1234)),
        ("tcp://127.0.0.1:1", Address(host="127.0.0.1", port=1)),
        ("tcp://[fd00::1]:1234", Address(host="fd00::1", port=1234)),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    assert parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/run/docker.sock",
        "unix://run/docker.sock",
        "unix://",
        "unix:///a\0b",
        "tcp://host",
        "tcp://:1234",
        "tcp://host:0",
        "tcp://host:99999",
        "tcp://host:1234/path",
        "tcp://user:secret@host:1234",
        "tcp://-host:1234",
        "http://host:1234",
        "http+ssh://host",
        "tcp://[fd00::1:1234",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="is no address of a BuildKit") as caught:
        parse(text)
    assert caught.value.hint.startswith("write unix:///run/buildkit/buildkitd.sock")


@given(st.text() | st.from_regex(r"(unix|tcp)://[!-~]*", fullmatch=True))
@example("tcp://[::1")
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    try:
        address = parse(text)
    except UsageError:
        return
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "there is no ca.pem for TLS"),
        (["cert.pem", "key.pem"], "there is no ca.pem for TLS"),
        (["ca.pem", "cert.pem"], "cert.pem is of no use alone: cert.pem and key.pem go together"),
        (["ca.pem", "key.pem"], "key.pem is of no use alone: cert.pem and key.pem go together"),
    ],
)
def test_a_folder_without_certificates(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(WorkbenchError) as caught:
        parse("tcp://host:1", str(tmp_path))
    assert (caught.value.message, caught.value.where) == (message, str(tmp_path))


def test_a_folder_of_certificates(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert parse("tcp://host:1", str(tmp_path)).certificates == Certificates(f"{tmp_path}/ca.pem")
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    own = (f"{tmp_path}/cert.pem", f"{tmp_path}/key.pem")
    assert parse("tcp://host:1", str(tmp_path)).certificates == Certificates(f"{tmp_path}/ca.pem", *own)
    with pytest.raises(UsageError, match="is a unix socket, which has no use for certificates"):
        parse("unix:///run/x.sock", str(tmp_path))
