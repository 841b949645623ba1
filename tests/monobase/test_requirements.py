from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import FaultsError, WorkbenchError
from workbench.monobase.requirements import LockedPackage, read_lock

A, B = "a" * 64, "b" * 64


def read(tmp_path: Path, text: str) -> tuple[tuple[LockedPackage, ...], tuple[str, ...]]:
    path = tmp_path / "lock.txt"
    path.write_text(text)
    lock = read_lock(str(path))
    return lock.packages, lock.options


def test_a_lock_is_read_by_name_whatever_its_form(tmp_path: Path) -> None:
    text = f"""\
# what uv writes
--index-url https://example.com/simple
Zope.Interface==6.0 \\
    --hash=sha256:{B} \\
    --hash=sha256:{A}
    # via something
numpy==2.1.0 ; python_version >= "3.9" --hash=sha256:{A}  # a remark
"""
    assert read(tmp_path, text) == (
        (
            LockedPackage("numpy", f'numpy==2.1.0 ; python_version >= "3.9" --hash=sha256:{A}', True),
            LockedPackage("zope-interface", f"Zope.Interface==6.0 --hash=sha256:{A} --hash=sha256:{B}", False),
        ),
        ("--index-url https://example.com/simple",),
    )


def test_the_order_of_hashes_and_spaces_are_no_difference(tmp_path: Path) -> None:
    one = read(tmp_path, f"numpy==2.1.0 --hash=sha256:{A} --hash=sha256:{B}")
    other = read(tmp_path, f"numpy==2.1.0   \\\n  --hash=sha256:{B} \\\n --hash=sha256:{A}\n")
    assert one == other


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("numpy==2.1.0", "numpy has no hash (--hash=sha256:…)"),
        (f"numpy>=2.1.0 --hash=sha256:{A}", "numpy has no exact version: it must be written as NAME==VERSION"),
        (f"numpy==2.* --hash=sha256:{A}", "numpy has no exact version: it must be written as NAME==VERSION"),
        ("--editable ./x", "--editable is not allowed in a lock"),
        ("-r other.txt", "-r is not allowed in a lock"),
        (f"num py==1 --hash=sha256:{A}", "'num py==1' is not a requirement"),
    ],
)
def test_what_is_not_locked_is_refused_by_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(FaultsError) as error:
        read(tmp_path, f"good==1 --hash=sha256:{A}\n{line}\n")
    ((where, complaint),) = error.value.faults
    assert where == f"{tmp_path}/lock.txt:2"
    assert complaint.startswith(message)


def test_a_package_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as error:
        read(tmp_path, f"a-b==1 --hash=sha256:{A}\nA_B==2 --hash=sha256:{A}\n")
    assert error.value.faults == [(f"{tmp_path}/lock.txt:2", "a-b is locked twice")]


def test_a_lock_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="the requirements cannot be read"):
        read_lock(str(tmp_path / "none.txt"))


def test_an_address_with_a_password_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as error:
        read(tmp_path, "--index-url https://user:secret@example.com/simple\n")
    assert "an address with a password is not allowed in a lock" in error.value.faults[0][1]
    assert "secret" not in str(error.value.as_data())
