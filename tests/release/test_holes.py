"""Our releases against the advisories that their users were told of: no known hole but those with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.release.test_audit import FAULT, LOCKED, OSV
from tests.release.test_freeze import catalogue_with_locks
from workbench.catalog.reader import read_catalogue
from workbench.release.advisories import local
from workbench.release.audit import excepted, holes, lock_pins, tool_pins
from workbench.release.check import check

ADVISORIES = Path(__file__).with_name("advisories")
TODAY = "2026-11-30"


@pytest.mark.parametrize("release", ["2026a", "2025b"])
def test_every_lock_and_tool_is_without_a_known_hole_or_says_why_it_has_it(release: str) -> None:
    catalogue, advisories = read_catalogue(str(REPOSITORY)), local(str(ADVISORIES))
    pins = catalogue.releases[release]
    locks = lock_pins(catalogue, release)
    names = {package for packages in locks.values() for package, _ in packages}
    assert names >= {"langchain-core", "cryptography", "urllib3"}, "the advisories are about what is locked"
    tools = tool_pins(pins)
    assert bool(tools) == bool(pins.tools)
    counted, notes = excepted(holes({**locks, **tools}, advisories), pins, TODAY)
    assert [f"{each.where}: {each.message}" for each in counted] == []
    for note in notes:
        print(f"{release} lives with: {note}")
    assert release != "2026a" or notes == []


@pytest.mark.parametrize("release", ["2026a", "2025b"])
def test_the_checks_of_our_releases_pass_as_they_are_run(release: str) -> None:
    """As `make release-check` runs them, with these advisories."""
    done = wizard("release", "check", release, f"--today={TODAY}", "--advisories", ADVISORIES)
    assert done.returncode == 0, done.stderr
    assert f"release {release} keeps its promise" in done.stdout
    assert "no known hole (6 advisories of" in done.stdout


@pytest.mark.thorough
def test_an_exception_holds_for_its_advisory_until_its_day_and_is_shown(tmp_path: Path) -> None:
    advisories = tmp_path / "osv"
    advisories.mkdir()
    for name, document in OSV.items():
        (advisories / f"{name}.json").write_text(json.dumps(document))
    folder = catalogue_with_locks(tmp_path, LOCKED)
    file = folder / "releases/2026a.toml"
    text = file.read_text()
    row = '\n[[exceptions]]\npackage = "Be_Ta"\nadvisory = "{}"\nreason = "the one with a reason"\n{}'

    def found(rows: str, today: str = "2026-11-22") -> tuple[list[str], list[str]]:
        file.write_text(text + rows)
        report = check(read_catalogue(str(folder)), "2026a", today, local(str(advisories)))
        return [message for _, message in report.faults], list(report.notes)

    assert found("")[0][0].startswith(FAULT)
    for name in ("CVE-2025-1", "GHSA-aaaa"):
        faults, notes = found(row.format(name, ""))
        assert faults == []
        assert f"{FAULT}; an exception: the one with a reason" in notes
    until = row.format("CVE-2025-1", 'until = "2026-11-22"\n')
    assert found(until)[0] == []
    assert found(until, "2026-11-23")[0][0].startswith(FAULT), "its day is over"
    faults, notes = found(row.format("CVE-2024-9", ""))
    assert faults[0].startswith(FAULT)
    assert "releases/2026a.toml: [[exceptions]] names CVE-2024-9 of be-ta, which was not found" in notes
    for wrong, why in (
        ('\n[[exceptions]]\npackage = "a"\nadvisory = "b"\n', "exceptions needs reason"),
        (row.format("b", 'until = "soon"\n'), "until is 'soon', which is no day"),
    ):
        file.write_text(text + wrong)
        done = wizard("release", "check", "2026a", "--catalog", folder)
        assert done.returncode == 1
        assert why in done.stderr


@pytest.mark.thorough
def test_a_pinned_tool_has_the_advisories_of_its_name(tmp_path: Path) -> None:
    text = '\n[tools.code-server.debian]\nversion = "{}"\nreleased = "2026-11-01"\n'
    folder = catalogue_with_locks(tmp_path, LOCKED)
    file = folder / "releases/2026a.toml"
    before = file.read_text()
    for version, code in (("4.89.1", 1), ("4.99.4", 0)):
        file.write_text(before + text.format(version))
        done = wizard("audit", "--advisories", ADVISORIES, "--catalog", folder)
        assert done.returncode == code, done.stderr
    file.write_text(before + text.format("4.89.1"))
    done = wizard("audit", "--advisories", ADVISORIES, "--catalog", folder)
    assert (
        "[tools.code-server.debian]: code-server 4.89.1 has GHSA-p483-wpfp-42cj (CVE-2025-47269), fixed in 4.99.4"
        in (done.stderr)
    )
