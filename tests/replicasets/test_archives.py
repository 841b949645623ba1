"""Archives of files: what is copied is equal, and whatever an archive holds, nothing is written outside."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.replicasets.archives import Copied, _stays_inside, pack, shown, unpack

DIR, FILE, LINK, HARD = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
Entry = tuple[str, bytes, str]


def archive(*entries: Entry, mode: int = 0o755) -> list[bytes]:
    """A tar of (name, type, content or link), in small pieces."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, type_, text in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime = type_, mode, 1_000_000_000
            content = text.encode() if type_ == FILE else b""
            entry.linkname = "" if type_ == FILE else text
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    whole = packed.getvalue()
    return [whole[at : at + 700] for at in range(0, len(whole), 700)]


def tree(folder: Path) -> dict[str, object]:
    """All below a folder: what files hold, where links lead, the modes."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        kind = path.lstat().st_mode
        content: object = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (stat.S_IFMT(kind), content, path.is_symlink() or stat.S_IMODE(kind))
    return found


def test_there_and_back(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/a\nb").write_bytes(os.urandom(3_000_000))
    (source / "empty").write_text("")
    (source / "empty").chmod(0o700)
    (source / ("n" * 150)).write_text("long")
    (source / "é\udce9").write_text("no text") if os.fsencode("é\udce9") else None
    (source / "deep/up").symlink_to("../empty")
    os.mkfifo(source / "pipe")
    packed, unpacked = Copied(), Copied()
    unpack(pack(str(source), "any", packed), str(tmp_path / "target"), unpacked)
    expected = tree(source)
    del expected["pipe"]
    assert tree(tmp_path / "target") == expected
    assert (packed.files, packed.bytes) == (unpacked.files, unpacked.bytes) == (4, 3_000_011)
    assert unpacked.left_out == [] and packed.left_out == [f"{source}/pipe is no file, folder or link"]
    unpack(pack(str(source / "empty"), "x", Copied()), str(tmp_path / "file"), Copied())
    assert (tmp_path / "file").read_bytes() == b"" and (tmp_path / "file").stat().st_mode & 0o777 == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {"source", "target", "file"}


HOSTILE: dict[str, tuple[list[Entry], str]] = {
    "up": ([("d", DIR, ""), ("d/../../evil", FILE, "x")], "names a place outside of it: d/../../evil"),
    "absolute": ([("/tmp/evil", FILE, "x")], "names a place outside"),
    "through a link": ([("d", DIR, ""), ("d/l", LINK, "/tmp"), ("d/l/evil", FILE, "x")], ""),
    "over a link": ([("d", DIR, ""), ("d/l", LINK, "../evil"), ("d/l", FILE, "x")], ""),
    "a hard link out": ([("d", DIR, ""), ("d/h", HARD, "../../../../etc/passwd")], "names a place outside"),
    "a hard link to nothing": ([("d", DIR, ""), ("d/h", HARD, "d/none")], "cannot be written: No such file"),
    "a folder over a file": ([("d", FILE, "x"), ("d/e", FILE, "x")], "cannot be written"),
    "twice": ([("d", DIR, ""), ("d/a", FILE, "1"), ("d/a", FILE, "2")], "cannot be written: File exists"),
    "a device": ([("d", tarfile.CHRTYPE, "")], "there is nothing that can be copied: d is no file"),
    "a link itself": ([("d", LINK, "/etc/passwd")], "nothing that can be copied: it is a link: /etc/passwd"),
    "nothing": ([], "there is nothing that can be copied"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_write_nothing_outside(case: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    entries, message = HOSTILE[case]
    copied = Copied()
    if message:
        with pytest.raises(WorkbenchError) as error:
            unpack(archive(*entries), str(tmp_path / "in/d"), copied)
        assert message in error.value.message and list((tmp_path / "in").iterdir()) == []
    else:
        unpack(archive(*entries), str(tmp_path / "in/d"), copied)
        assert not any(path.is_symlink() for path in tmp_path.rglob("*")) and len(copied.left_out) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in"] and not Path("/tmp/evil").exists()


def test_what_is_left_out_and_made_harmless(tmp_path: Path) -> None:
    entries: list[Entry] = [
        ("d", DIR, ""),
        ("d/s", FILE, "x"),
        ("d/in", LINK, "s"),
        ("d/\x1b[2J", LINK, "/etc"),
        ("d/up", LINK, "../x"),
        ("d/dev", tarfile.BLKTYPE, ""),
        ("d/hard", HARD, "d/s"),
    ]
    copied = Copied()
    unpack(archive(*entries, mode=0o6777), str(tmp_path / "t"), copied)
    assert os.readlink(tmp_path / "t/in") == "s" and (tmp_path / "t/hard").samefile(tmp_path / "t/s")
    assert {stat.S_IMODE((tmp_path / "t" / name).stat().st_mode) for name in ("", "s")} == {0o755}
    assert (tmp_path / "t/s").stat().st_mtime == 1_000_000_000
    assert copied.left_out == [
        "d/dev is no file, folder or link",
        "\\x1b[2J is a link that leads out: /etc",
        "up is a link that leads out: ../x",
    ]


def test_what_is_too_large_or_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    head = tarfile.TarInfo("d")
    head.size = 1 << 60
    with pytest.raises(WorkbenchError, match=f"d has {1 << 60} bytes, and"):
        unpack([head.tobuf(tarfile.GNU_FORMAT)], str(tmp_path / "t"), Copied())
    for cut in (100, 512, 1000, 1100):
        whole = b"".join(archive(("d", DIR, ""), ("d/a", FILE, "x" * 600)))[:cut]
        with pytest.raises(WorkbenchError, match=r"damaged, or broke off|nothing that can be copied"):
            unpack([whole], str(tmp_path / "t"), Copied())
    for _ in range(2):
        with pytest.raises(WorkbenchError, match="damaged"):
            unpack([b"\x00no tar" * 200], str(tmp_path / "t"), Copied())
    assert list(tmp_path.iterdir()) == []


PARTS = st.sampled_from(["..", ".", "a", "b", "c"])
PATHS = st.lists(PARTS, min_size=1, max_size=6).map("/".join)


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    links=st.lists(st.tuples(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join), PATHS), max_size=6)
)
@example(links=[("a", "."), ("b", "a/a/../..")])
def test_no_chain_of_links_leads_out(links: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("links")
    for name, link in links:
        path = root / name
        if _stays_inside(tuple(name.split("/")), link) and not os.path.lexists(path):
            if os.path.realpath(path.parent) == str(path.parent) and not os.path.lexists(path.parent):
                # Where links lead round there is no folder, and none can be made.
                with suppress(OSError):
                    path.parent.mkdir(parents=True)
            if path.parent.is_dir() and os.path.realpath(path.parent) == str(path.parent):
                path.symlink_to(link)
    for path in root.rglob("*"):
        if path.is_symlink():
            assert os.path.realpath(path).startswith(str(root))


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(5 << 20))

    def pieces() -> Iterator[bytes]:
        packed = pack(str(file), "file", Copied())
        yield next(packed)
        os.truncate(file, 10)
        yield from packed

    with pytest.raises(WorkbenchError, match="became smaller"):
        list(pieces())


def test_names_that_a_terminal_can_show() -> None:
    assert (shown("a b"), shown("a\nb"), shown("x" * 300)) == ("a b", "a\\nb", "x" * 200 + "…")
