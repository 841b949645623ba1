"""What the page uses of other projects: fetched by npm, held to its digests, served when it is there."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import httpx
import pytest

from tests.command import wizard
from tests.replicasets.api.conftest import Served
from workbench.errors import WorkbenchError
from workbench.replicasets.api import libraries
from workbench.replicasets.api.libraries import DIGESTS, PACKAGES, Libraries, LibraryPackage, fetch


def packed(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as members:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return archive.getvalue()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that packs the file `package.tgz` beside it, which the list has the digests of."""
    content = packed({"lib/one.mjs": b"export {}", "lib/other.mjs": b"not taken", "css/one.css": b"a {}"})
    digests = {
        "lib/one.mjs": hashlib.sha256(b"export {}").hexdigest(),
        "css/one.css": hashlib.sha256(b"a {}").hexdigest(),
    }
    package = LibraryPackage("@x/one", "1.0.0", hashlib.sha512(content).hexdigest(), digests)
    monkeypatch.setattr(libraries, "PACKAGES", (package,))
    monkeypatch.setattr(libraries, "DIGESTS", {os.path.basename(name): each for name, each in digests.items()})
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "package.tgz").write_bytes(content)
    (folder / "npm").write_text(
        '#!/bin/sh\necho "$@" >"$(dirname "$0")/called"\nexec /bin/cp "$(dirname "$0")/package.tgz" x-one.tgz\n'
    )
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_it_is_fetched_whole_and_nothing_of_it_is_run(npm: Path, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "page"
    assert fetch(str(folder)) == ["@x/one@1.0.0"]
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == {"one.mjs": b"export {}", "one.css": b"a {}"}
    words = (npm / "called").read_text().split()
    assert words[0] == "pack" and "--ignore-scripts" in words and words[-1] == "@x/one@1.0.0"
    assert Libraries(str(folder)).read("one.mjs") == b"export {}"
    # What was changed meanwhile is not served.
    (folder / "one.mjs").write_text("export { evil }")
    assert Libraries(str(folder)).read("one.mjs") is None
    fetch(str(folder))
    assert Libraries(str(folder)).read("one.mjs") == b"export {}"


def test_another_package_than_the_list_has_is_refused(npm: Path, tmp_path: Path) -> None:
    (npm / "package.tgz").write_bytes(packed({"lib/one.mjs": b"evil"}))
    with pytest.raises(WorkbenchError, match="is not the package that was looked at: its SHA-512 is "):
        fetch(str(tmp_path / "page"))
    assert not (tmp_path / "page").exists()


def test_npm_that_fails_or_is_missing(npm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (npm / "npm").write_text("#!/bin/sh\necho no route to it >&2\nexit 1\n")
    with pytest.raises(WorkbenchError, match=r"npm does not get @x/one@1\.0\.0: no route to it"):
        fetch(str(tmp_path / "page"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkbenchError, match="npm is needed"):
        fetch(str(tmp_path / "page"))
    done = wizard("serve", "--fetch-terminal", "--state", tmp_path / "state", env={"PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "") and "npm is needed" in done.stderr


def test_the_list_has_what_the_page_imports() -> None:
    page = Path(libraries.__file__).parent / "page"
    assert {name for name in DIGESTS if name in (page / "terminal.js").read_text()} == set(DIGESTS)
    assert all(len(each.sha512) == 128 and all(len(sha) == 64 for sha in each.files.values()) for each in PACKAGES)


def test_it_is_served_with_the_pages_policy_when_it_is_there(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with httpx.Client(base_url=served.address) as stranger:
        missing = stranger.get("/xterm.mjs")
        assert (missing.status_code, missing.json()["hint"]) == (404, "`serve --fetch-terminal` fetches it")
        monkeypatch.setattr(Libraries, "read", lambda self, name: b"export {}" if name == "xterm.mjs" else None)
        found = stranger.get("/xterm.mjs")
        assert (found.status_code, found.content) == (200, b"export {}")
        assert found.headers["content-type"].startswith("text/javascript")
        policy = found.headers["content-security-policy"]
        assert policy == stranger.get("/").headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; ") and "unsafe" not in policy
        assert stranger.get("/libraries.toml").status_code == 401
