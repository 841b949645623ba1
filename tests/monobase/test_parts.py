"""A full look at the files, spread over several runs."""

from __future__ import annotations

import argparse
import os

import pytest

from tests.command import wizard
from tests.monobase.damages import Place
from tests.monobase.wheels import SITE
from workbench.monobase.prefix import Prefix
from workbench.monobase.verify import Part, verify
from workbench.verbs.monobase.verify import part_argument


def test_what_is_hidden_is_found_in_the_one_part_that_reads_it(place: Place) -> None:
    prefix = Prefix.at(str(place.root))
    path = place.environment("plain") / SITE / "tool/__init__.py"
    status = path.stat()
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert verify(prefix, quick=True).is_whole
    parts = [verify(prefix, part=Part(number, 5), jobs=2) for number in range(1, 6)]
    (found,) = (report for report in parts if not report.is_whole)
    assert [len(found.damage), found.damaged_entries] == [4, verify(prefix).damaged_entries]
    # What a quick look finds is found in every part.
    path.chmod(0o644)
    assert not any(verify(prefix, part=Part(number, 5)).is_whole for number in range(1, 6))


def test_every_file_is_in_one_part() -> None:
    entries = [f"{number:064x}" for number in range(0, 2**250, 2**242 - 1)]
    parts = [Part(number, 7) for number in range(1, 8)]
    counts = [sum(part.has(entry) for entry in entries) for part in parts]
    assert sum(counts) == len(entries)
    assert all(sum(part.has(entry) for part in parts) == 1 for entry in entries)
    assert max(counts) < 2 * min(counts)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "x/3", "1/", "1/9999999"])
def test_parts_that_make_no_sense(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a part"):
        part_argument(text)


def test_a_part_is_read_and_a_quick_look_reads_nothing(place: Place) -> None:
    assert wizard("monobase", "verify", "--prefix", place.root, "--part", "1/2", "--quick").returncode == 2
