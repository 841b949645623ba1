"""What an address of ADD stands for."""

from __future__ import annotations

import pytest

from workbench.containerfile.remote import GitTree, RemoteFile, is_commit, is_git, remote
from workbench.errors import WorkbenchError

SHA256 = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("https://a.example/b/c.tar.gz", RemoteFile("https://a.example/b/c.tar.gz", "c.tar.gz")),
        ("http://a.example:81/b?c=d.txt", RemoteFile("http://a.example:81/b?c=d.txt", "b")),
        ("https://a.example/x%20y", RemoteFile("https://a.example/x%20y", "x y")),
        ("https://a.example", RemoteFile("https://a.example", "__unnamed__")),
        ("https://a.example/b/..", RemoteFile("https://a.example/b/..", "__unnamed__")),
        ("https://a.example/b.git", GitTree("https://a.example/b.git")),
        ("https://a.example/b.git#v1.0", GitTree("https://a.example/b.git", "v1.0")),
        ("https://a.example/b.git#:docs/", GitTree("https://a.example/b.git", "", "docs")),
        ("git://a.example/b#feature/x:a/b", GitTree("git://a.example/b", "feature/x", "a/b")),
        ("https://a.example/b.git/c", RemoteFile("https://a.example/b.git/c", "c")),
    ],
)
def test_addresses(source: str, found: RemoteFile | GitTree) -> None:
    assert remote(source) == found
    assert is_git(source) == isinstance(found, GitTree)


def test_checksums_and_the_git_folder() -> None:
    assert remote("https://a.example/b", checksum=SHA256) == RemoteFile("https://a.example/b", "b", SHA256)
    made = remote("https://a.example/b.git#v1", checksum="0" * 40, keep_git=True)
    assert made == GitTree("https://a.example/b.git", "v1", "", "0" * 40, keep_git=True)
    assert is_commit("0" * 40)
    assert not is_commit("v1")


@pytest.mark.parametrize(
    "source",
    [
        "ftp://a.example/b", "https://", "https:///b", "https://a.example:99999/b", "https://a.example/b\nc",
        "ssh://git@a.example/b.git", "git@a.example:b.git", "https://a.example/b.git#--upload-pack=x",
        "https://a.example/b.git#a..b", "https://a.example/b.git#a:../b", "https://a.example/b.git?ref=a",
        "https://[::1/b",
    ],
)  # fmt: skip
def test_what_is_refused(source: str) -> None:
    with pytest.raises(WorkbenchError):
        remote(source)


@pytest.mark.parametrize(
    ("source", "checksum"), [("https://a.example/b", "md5:00"), ("https://a.example/b.git", "sha256:00")]
)
def test_checksums_that_are_none(source: str, checksum: str) -> None:
    with pytest.raises(WorkbenchError):
        remote(source, checksum=checksum)
