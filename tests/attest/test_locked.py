from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.attest.locked import installed_lists, locked_packages
from workbench.attest.package import Package, joined
from workbench.errors import WorkbenchError

A, B = "a" * 64, "b" * 64
INSTALL = b"FROM x\nRUN umask 2 && pip install --no-cache-dir -r /tmp/requirements.txt && rm /tmp/requirements.txt\n"


def files(lines: str, containerfile: bytes = INSTALL) -> dict[str, bytes]:
    return {"Containerfile": containerfile, "requirements.txt": lines.encode()}


def test_pins_with_hashes_and_extras_under_their_normal_name() -> None:
    found = locked_packages(files(f"Ray.Core[client]==2.1 --hash=sha256:{B} --hash=sha256:{A}\n"), "3.11")
    assert found == [Package("pypi", "ray-core", "2.1", hashes=(A, B), origins=("requirements.txt",))]


@pytest.mark.parametrize(
    ("marker", "there"),
    [
        ("python_version >= '3.11'", True),
        ("python_version >= '3.12'", False),
        ("sys_platform == 'win32'", False),
        ("platform_system == 'Linux' and platform_machine == 'x86_64'", True),
        ("python_full_version >= '3.11.5'", True),
    ],
)
def test_a_marker_decides_whether_it_is_in_the_image(marker: str, there: bool) -> None:
    found = locked_packages(files(f"one==1; {marker} --hash=sha256:{A}\n"), "3.11")
    assert [package.name for package in found] == (["one"] if there else [])


@pytest.mark.parametrize("line", ["one", "one>=1", "one @ https://example.com/one.whl", "./folder"])
def test_a_line_that_pins_nothing_is_named(line: str) -> None:
    with pytest.raises(WorkbenchError) as error:
        locked_packages(files(f"# a list\ntwo==2\n{line}\n"), "3.11")
    assert error.value.where == "requirements.txt:3"


def test_a_marker_that_cannot_be_read_is_named() -> None:
    with pytest.raises(WorkbenchError, match="has a marker that cannot be read") as error:
        locked_packages(files("one==1; python is nice\n"), "3.11")
    assert error.value.where == "requirements.txt:1"


def test_index_lines_comments_and_continued_lines() -> None:
    found = locked_packages(files(f"-i https://example.com\n\n# one\none==1 \\\n    --hash=sha256:{A}\n"), "3.11")
    assert found == [Package("pypi", "one", "1", hashes=(A,), origins=("requirements.txt",))]


@pytest.mark.parametrize(
    ("run", "lists"),
    [
        ("pip install -r requirements.txt", ["requirements.txt"]),
        ("uv pip install --no-cache --require-hashes -r /tmp/requirements.txt", ["requirements.txt"]),
        ("pip install -r requirements.txt -r requirements-ide.txt", ["requirements-ide.txt", "requirements.txt"]),
        ("pip install --require-hashes x", []),
        ("pip install --requirement=/tmp/requirements-ide.txt", ["requirements-ide.txt"]),
        (
            "pip install -r 'requirements.txt' && pip install -rrequirements-ide.txt",
            ["requirements-ide.txt", "requirements.txt"],
        ),
        ("grep one requirements.txt >one.txt && pip download -r one.txt", []),
        ("pip install one; cat -r requirements.txt", []),
    ],
)
def test_a_list_counts_when_a_run_installs_it(run: str, lists: list[str]) -> None:
    found = {**files("", f"FROM x\nRUN {run}\n".encode()), "requirements-ide.txt": b""}
    assert installed_lists(found) == lists


def test_packages_of_the_operating_system_have_names_only() -> None:
    lists = {
        "Containerfile": b"FROM x\n",
        "os-packages.txt": b"git\n\n# why\ncurl\n",
        "os-ide/os-packages.txt": b"git\n",
    }
    assert locked_packages(lists, "3.11") == [
        Package("", "curl", origins=("os-packages.txt",)),
        Package("", "git", origins=("os-ide/os-packages.txt", "os-packages.txt")),
    ]


PACKAGES = st.builds(
    Package,
    st.sampled_from(["pypi", "deb"]),
    st.sampled_from("ab"),
    st.sampled_from("12"),
    hashes=st.tuples(st.sampled_from([A, B])),
)


@given(st.lists(PACKAGES))
def test_every_package_is_there_once_whatever_the_order(packages: list[Package]) -> None:
    found = joined(packages)
    assert found == joined(reversed(packages)) == joined(found)
    assert {package.key for package in found} == {package.key for package in packages}
    assert len(found) == len({package.key for package in found})
