"""Random damage below a prefix: verify finds it, repair and build mend it, and nothing that runs is harmed."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chance import chance
from tests.monobase.damages import Place, damage, snapshot
from tests.monobase.wheels import MINOR
from workbench.errors import WorkbenchError
from workbench.files import unblocked
from workbench.monobase.damage import EXTRA
from workbench.monobase.documents import DamagedDocumentError, read_text


def environment_files(root: Path) -> dict[str, tuple[int, bytes]]:
    """What a process that runs on the environments has open: each file by a handle, with what it reads there."""
    # No link is followed: one that stands for a folder may lead to the whole of /tmp.
    below = (Path(base, name) for base, _, names in os.walk(root) for name in names)
    paths = [path for path in below if path.is_file() and not path.is_symlink() and "/monobase/g" in str(path)]
    return {str(path): (handle := os.open(path, os.O_RDONLY), os.pread(handle, 1 << 20, 0)) for path in paths}


def one_case(place: Place, drawn: random.Random) -> str:
    """Damage one thing, and mend it; return what is wrong, "" for nothing."""
    done = damage(place.root, drawn)
    handles = environment_files(place.root)
    try:
        if not place.is_found():
            return f"{done}: not found"
        failed: list[str] = []
        for _ in range(2):
            # What was copied beside environments shows only when the manifest is there again.
            failed = [f"{name}: {reason}" for name, reason in place.repair().failed]
            try:
                failed += place.build()
            except WorkbenchError as error:
                failed.append(error.message)
            if not place.is_found():
                break
        now = snapshot(place.root)
        changed = sorted(name for name in now.keys() | place.whole.keys() if now.get(name) != place.whole.get(name))
        if any(os.pread(handle, 1 << 20, 0) != content for handle, content in handles.values()):
            return f"{done}: an open file was changed"
        if not changed:
            return ""
        if failed and place.is_found():
            return ""  # it says what it cannot mend, and verify still does
        return f"{done}: {changed[:4]} differ; {failed}"
    except Exception as error:
        return f"{done}: {type(error).__name__}: {error}"
    finally:
        for handle, _ in handles.values():
            os.close(handle)
        if snapshot(place.root) != place.whole:
            place.restore()


def run_cases(place: Place, count: int) -> None:
    drawn = chance()
    place.restore()
    wrong = [text for _ in range(count) if (text := one_case(place, drawn))]
    assert wrong == []


def test_what_is_damaged_is_found_and_mended(place: Place) -> None:
    run_cases(place, 10)


@pytest.mark.thorough
def test_more_that_is_damaged_is_found_and_mended(place: Place) -> None:
    run_cases(place, 60)


@pytest.mark.slow
def test_ten_thousand_damages_are_found_and_mended(place: Place) -> None:
    run_cases(place, 10_000)


@pytest.mark.parametrize("name", [f"default-python{MINOR}2", f"cog9.0-python{MINOR}.txt", f"cog1.0-python{MINOR}2.txt"])
def test_of_cogs_only_what_the_marker_names_belongs_there(place: Place, name: str) -> None:
    cogs = place.root / "cog" / os.readlink(place.root / "cog/latest")
    if name.startswith("default"):
        (cogs / name).symlink_to(f"cog1.0-python{MINOR}")
    else:
        (cogs / name).write_text("")
    assert [(damage.kind, damage.path) for damage in place.verify().damage] == [(EXTRA, f"cog/{cogs.name}/{name}")]
    assert place.repair().failed == []
    assert snapshot(place.root) == place.whole


def test_no_file_stays_open_where_a_folder_stands_for_it(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(DamagedDocumentError):
        read_text(str(tmp_path))
    with pytest.raises(IsADirectoryError), open(tmp_path, opener=unblocked):
        pass
    assert len(os.listdir("/proc/self/fd")) == len(before)
