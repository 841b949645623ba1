from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.replicasets import checks, quantities
from workbench.replicasets.codec import decode, encode
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Invalid
from workbench.replicasets.roots import outermost
from workbench.replicasets.values import Bind, Port, Version


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", Code.NAME_EMPTY),
        ("a-b", Code.NAME_DASH),
        *((name, Code.BUSY) for name in ("../x", "a b", "a\n", "é", "_a", "a" * 49, "$(reboot)", "a/b")),
    ],
)
def test_names_that_are_none(name: str, code: Code) -> None:
    with pytest.raises(Invalid) as error:
        checks.set_name(name)
    assert error.value.code == code


def test_sizes_both_ways() -> None:
    assert [quantities.size(text) for text in ("1KB", "20mb", "3GB", "1TB")] == [1 << 10, 20 << 20, 3 << 30, 1 << 40]
    assert [quantities.size_text(size) for size in (1 << 10, 20 << 20, 1 << 40, 1000, 0)] == [
        "1KB",
        "20MB",
        "1TB",
        "1000",
        "",
    ]


@pytest.mark.parametrize(
    "text", ["A", "=x", "1A=x", "A B=x", "A=\x00", "NVIDIA_VISIBLE_DEVICES=all", "CONTAINER_VERSION=9"]
)
def test_variables_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        checks.variables([text])


def test_ports() -> None:
    assert checks.container_ports(["80", "53/udp"]) == (Port(80), Port(53, 0, "udp"))
    for wrong in (["0"], ["65536"], ["80/sctp"], ["-1"], ["80", "80/tcp"], ["８０"]):
        with pytest.raises(Invalid):
            checks.container_ports(wrong)


def test_binds_stay_below_the_allowed_folders(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    (tmp_path / "rootless").mkdir()
    (root / "link").symlink_to(outside)
    (root / "inner").symlink_to(root / "a")
    roots = [str(root)]
    assert checks.binds([Bind(str(root / "inner"), "/data/")], roots) == (Bind(str(root / "a"), "/data"),)
    assert checks.binds([Bind("vol-3", "/v", True)], []) == (Bind("vol", "/v", True),)
    wrong = [outside, root / "link", root / "a/../../outside", tmp_path / "rootless", root / "absent", "/", "/etc"]
    for source in wrong:
        with pytest.raises(Invalid):
            checks.binds([Bind(str(source), "/data")], roots)
    for dest in ("", "/", "data", "/a/../b", "/proc/x", "/dev", "/a:b", "/a b", "//", "/sys"):
        with pytest.raises(Invalid):
            checks.binds([Bind(str(root), dest)], roots)
    with pytest.raises(Invalid, match="same destination"):
        checks.binds([Bind("a", "/data"), Bind("b", "/data/")], roots)


def test_roots_are_resolved_once_and_those_below_another_are_left_out(tmp_path: Path) -> None:
    for name in ("a/b", "elsewhere", "ab"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    # A set that may write in `a` put this there: it is no root, whatever it leads to.
    (tmp_path / "a/inner").symlink_to(tmp_path / "elsewhere")
    given = ["a", "ab", "a/b", "a/inner", "link", "a/b/../../a"]
    assert outermost([str(tmp_path / name) for name in given]) == (str(tmp_path / "a"), str(tmp_path / "ab"))
    assert outermost([str(tmp_path / "link"), str(tmp_path / "link/b")]) == (str(tmp_path / "a"),)
    assert outermost([str(tmp_path / "a"), "/"]) == ("/",)


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_no_text_breaks_a_check(text: str) -> None:
    """Whatever comes is taken, or refused with Invalid."""
    for check in (
        checks.set_name,
        checks.volume_name,
        checks.image,
        quantities.size,
        quantities.memory,
        checks.destination,
    ):
        try:
            check(text)
        except Invalid as error:
            assert error.message
    for many in (checks.variables, checks.command, checks.container_ports):
        try:
            many([text])
        except Invalid as error:
            assert error.message
    try:
        checks.binds([Bind(text, text)], ["/srv"])
    except Invalid as error:
        assert error.message


def test_values_come_back_from_json() -> None:
    version = Version(
        "a", "id", 3, "now", "i:1", ("G",), (Bind("/s", "/d"),), ("A=ü",), ("sh",), (Port(80, 40000),), 500
    )
    assert decode(Version, encode(version)) == version
    for broken in ("", "[]", '{"set": 1}', '{"set":"a","id":"b","number":true,"created":"","image":""}'):
        with pytest.raises((ValueError, TypeError)):
            decode(Version, broken)
