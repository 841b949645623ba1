"""Measuring files by what they belong to, on a small tree; tests/e2e/test_attest.py measures a real image."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

import pytest

from workbench.byte_size import byte_size

PROGRAM: dict[str, Any] = runpy.run_path("workbench/images/sizes/measure.py")


def write(path: Path, size: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return str(path)


def test_each_file_is_counted_once_for_its_owner(tmp_path: Path) -> None:
    owner, other = ("python", "one", "1.0"), ("os", "two", "2-1")
    module = write(tmp_path / "lib/one.py", 100)
    write(tmp_path / "lib/__pycache__/one.cpython-311.pyc", 200)
    write(tmp_path / "lib/__pycache__/nobody.pyc", 5)
    shared = write(tmp_path / "usr/bin/two", 1000)
    os.link(shared, tmp_path / "usr/bin/also")
    os.symlink(shared, tmp_path / "usr/bin/link")
    owners = {module: owner, shared: other, str(tmp_path / "usr/bin/also"): other}
    found = PROGRAM["measure"](str(tmp_path), owners)
    assert found.pop(owner) == [300, 2]
    assert found.pop(other) == [1000, 1]
    # What is nobody's is its folder's.
    ((kind, _, version), counts), *rest = found.items()
    assert (kind, version, counts, rest) == ("folder", "", [5, 1], [])


def test_npm_packages_are_the_innermost(tmp_path: Path) -> None:
    write(tmp_path / "app/node_modules/outer/index.js", 10)
    write(tmp_path / "app/node_modules/outer/node_modules/@scope/inner/lib/index.js", 7)
    (tmp_path / "app/node_modules/outer/package.json").write_text('{"version": "3.0.0"}')
    (tmp_path / "app/node_modules/outer/node_modules/@scope/inner/package.json").write_text("[not an object")
    found = PROGRAM["measure"](str(tmp_path), {})
    assert found["npm", "outer", "3.0.0"][1] == 2
    assert found["npm", "@scope/inner", ""] == [7 + len("[not an object"), 2]


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/usr/share/doc/a", "/usr/share"),
        ("/etc", "/etc"),
        ("/opt/app-root/share/x", "/opt/app-root/share"),
        ("/", "/"),
    ],
)
def test_folders_are_shown_by_their_first_levels(path: str, folder: str) -> None:
    assert PROGRAM["shown_folder"](path) == folder


def test_a_package_is_where_its_folder_really_is(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    assert PROGRAM["real"](f"{tmp_path}/bin/ls") == f"{tmp_path}/usr/bin/ls"
    # A link itself stays one.
    assert PROGRAM["real"](f"{tmp_path}/bin") == f"{tmp_path}/bin"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
     (718_289_733, "718.3 MB"), (999_950_000, "1.0 GB"), (12_345_678_901, "12.3 GB")],
)  # fmt: skip
def test_sizes_are_shown_as_podman_shows_them(count: int, text: str) -> None:
    assert byte_size(count) == text
