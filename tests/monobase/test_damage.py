"""Random damage below a prefix: verify finds it, repair and build mend it, and nothing that runs is harmed."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.monobase.damages import Place, damage, snapshot
from workbench.errors import WorkbenchError


def environment_files(root: Path) -> dict[str, tuple[int, bytes]]:
    """What a process that runs on the environments has open: each file by a handle, with what it reads there."""
    paths = [path for path in root.glob("monobase/g*/python*/**/*") if path.is_file() and not path.is_symlink()]
    return {str(path): (handle := os.open(path, os.O_RDONLY), os.pread(handle, 1 << 20, 0)) for path in paths}


def one_case(place: Place, chance: random.Random) -> str:
    """Damage one thing, and mend it; return what is wrong, "" for nothing."""
    done = damage(place.root, chance)
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


def run_cases(place: Place, count: int, seed: int) -> None:
    chance = random.Random(seed)
    print(f"seed {seed}")
    place.restore()
    wrong = [text for _ in range(count) if (text := one_case(place, chance))]
    assert wrong == []


def test_what_is_damaged_is_found_and_mended(place: Place) -> None:
    run_cases(place, 10, time.time_ns())


@pytest.mark.thorough
def test_more_that_is_damaged_is_found_and_mended(place: Place) -> None:
    run_cases(place, 60, time.time_ns())


@pytest.mark.slow
def test_ten_thousand_damages_are_found_and_mended(place: Place) -> None:
    run_cases(place, 10_000, time.time_ns())
