"""What fetches extensions of VS Code in a build, with a stand-in for Open VSX on loopback."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import unpack_extensions

from tests.catalogues import REPOSITORY
from tests.vsix import OpenVsx, open_vsx, sha256, vsix
from workbench.extensions import ExtensionArchive
from workbench.images.causes import CauseFinder, FailureCause

PROGRAM = REPOSITORY / "snippets/extensions/files/unpack_extensions.py"
NAME, VERSION = "ms-python.python", "2026.4.0"


@pytest.fixture
def served() -> Iterator[OpenVsx]:
    with open_vsx() as found:
        yield found


def word(digest: str, name: str = NAME, platform: str = "") -> str:
    return str(ExtensionArchive(name, VERSION, platform, digest))


def run(served: OpenVsx, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(PROGRAM), served.url, str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_extensions_are_unpacked_with_their_programs_and_nothing_beside_them(served: OpenVsx, tmp_path: Path) -> None:
    data = vsix(NAME, VERSION, files={"extension/bin/pet": (b"program", 0o100755), "extension/a.js": (b"", 0)})
    done = run(served, tmp_path / "to", word(served.add(NAME, VERSION, data)))
    assert (done.returncode, done.stdout) == (0, f"extension {NAME} {VERSION}\n"), done.stderr
    own = tmp_path / "to/ms-python.python-2026.4.0"
    files = {str(path.relative_to(own)): path.stat().st_mode & 0o777 for path in own.rglob("*") if path.is_file()}
    assert files == {"package.json": 0o644, "bin/pet": 0o755, "a.js": 0o644}
    assert [path.name for path in (tmp_path / "to").iterdir()] == [own.name]


def test_the_archive_of_this_machine_is_taken_and_one_without_is_left_out(served: OpenVsx, tmp_path: Path) -> None:
    digests = {platform: served.add(NAME, VERSION, vsix(NAME, VERSION, {"description": platform}), platform)
               for platform in ("linux-x64", "linux-arm64")}  # fmt: skip
    words = [word(digest, platform=platform) for platform, digest in digests.items()]
    for machine, platform in (("x86_64", "linux-x64"), ("aarch64", "linux-arm64")):
        assert unpack_extensions.install(served.url, tmp_path / machine, words, machine) == []
        assert platform in next((tmp_path / machine).glob("*/package.json")).read_text()
    assert unpack_extensions.install(served.url, tmp_path / "none", words, "riscv64") == [NAME]
    assert list((tmp_path / "none").iterdir()) == []


def link() -> bytes:
    return vsix(NAME, VERSION, files={"extension/out": (b"/etc", 0o120777)})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (vsix("ms-python.other", VERSION), "is the archive of ms-python.other@2026.4.0"),
        (vsix(NAME, "2026.4.1"), "is the archive of ms-python.python@2026.4.1"),
        (vsix(NAME, VERSION, files={"extension/../../x": (b"", 0)}), "which may not be in it"),
        (link(), "has 'extension/out', which may not be in it"),
        (b"<html>", "is no archive of an extension"),
        (vsix(NAME, VERSION)[:200], "is no archive of an extension"),
    ],
)
def test_what_is_no_such_extension_is_refused_by_name(
    served: OpenVsx, tmp_path: Path, data: bytes, message: str
) -> None:
    done = run(served, tmp_path / "to", word(served.add(NAME, VERSION, data)))
    assert done.returncode == 1
    assert done.stderr.startswith(f"extension {NAME} {VERSION} ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_tampered_archive_is_refused_by_name_before_it_is_opened(served: OpenVsx, tmp_path: Path) -> None:
    good = vsix(NAME, VERSION)
    other = vsix(NAME, VERSION, files={"extension/more.js": (b"evil()", 0o100644)})
    served.add(NAME, VERSION, other)
    done = run(served, tmp_path / "to", word(sha256(good)))
    line = f"extension {NAME} {VERSION} is not the archive that was pinned: its sha256 is {sha256(other)}"
    assert (done.returncode, done.stderr) == (1, f"{line}\n")
    assert list((tmp_path / "to").iterdir()) == []
    cause = explained(line)
    assert cause.says == f"what came as the extension {NAME} {VERSION} is not what the release pins"


def test_what_is_not_there_names_the_cure(served: OpenVsx, tmp_path: Path) -> None:
    done = run(served, tmp_path / "to", word("a" * 64))
    path = "api/ms-python/python/2026.4.0/file/ms-python.python-2026.4.0.vsix"
    assert done.stderr == (
        f"extension {NAME} {VERSION} cannot be fetched from {served.url}/{path}: HTTP Error 404: Not Found\n"
    )
    assert len(served.requests) == 1
    cause = explained(done.stderr)
    assert "HTTP Error 404" in cause.says
    assert "WORKBENCH_OPENVSX" in cause.hint
    assert "`extensions = []`" in cause.hint


def test_where_nothing_responds_the_cure_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with open_vsx() as gone:
        pass
    with pytest.raises(SystemExit, match="Connection refused") as ended:
        unpack_extensions.install(gone.url, tmp_path, [word("a" * 64)], "x86_64")
    # Not "the network failed", as for a step that has no other way.
    assert "WORKBENCH_OPENVSX" in explained(str(ended.value)).hint


def test_a_failure_in_passing_is_tried_again(served: OpenVsx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    words = [word(served.add(NAME, VERSION, vsix(NAME, VERSION)))]
    served.fails = 2
    assert unpack_extensions.install(served.url, tmp_path / "to", words, "x86_64") == []
    served.fails = 3
    with pytest.raises(SystemExit, match="503"):
        unpack_extensions.install(served.url, tmp_path / "again", words, "x86_64")


def test_a_mirror_may_have_a_path_and_a_password_which_nothing_shows(served: OpenVsx, tmp_path: Path) -> None:
    address = served.url.replace("//", "//team:a%2Fb@") + "/mirror/"
    with pytest.raises(SystemExit) as ended:
        unpack_extensions.install(address, tmp_path, [word("a" * 64)], "x86_64")
    (request,) = served.requests
    assert request == (
        "/mirror/api/ms-python/python/2026.4.0/file/ms-python.python-2026.4.0.vsix",
        "Basic dGVhbTphL2I=",
    )
    assert "team" not in str(ended.value)


def explained(line: str) -> FailureCause:
    finder = CauseFinder()
    finder.read(line.rstrip("\n"))
    found = finder.cause(".")
    assert found is not None
    return found
