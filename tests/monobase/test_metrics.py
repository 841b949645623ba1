"""Metrics: what Prometheus reads is in its format and true, from a file and by HTTP."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.monobase.damages import Place
from tests.monobase.exposition import Family, parse
from tests.monobase.wheels import MINOR, toolchain_at
from workbench.errors import UsageError, WorkbenchError
from workbench.monobase.damage import MISSING, Damage, VerifyReport
from workbench.monobase.exposition import Metric, text_of
from workbench.monobase.fill import BUILT, FAILED, UP_TO_DATE, EnvironmentOutcome
from workbench.monobase.generation import load_all
from workbench.monobase.leases import lease_file
from workbench.monobase.metrics import metrics_text, write_metrics
from workbench.monobase.metrics_server import LiveSizes, listening
from workbench.monobase.mirrors import MirrorUse
from workbench.monobase.outcomes import keep_build, keep_verdict
from workbench.monobase.prefix import Prefix
from workbench.monobase.prune import prune
from workbench.monobase.reports import BUILD, read_report, write_report
from workbench.monobase.sizes import current_sizes, measure
from workbench.monobase.verify import Part


def metrics(place: Place) -> dict[str, Family]:
    prefix = Prefix.at(str(place.root))
    sizes = current_sizes(prefix)
    return parse(metrics_text(prefix, load_all(place.data), allow_skipped=False, sizes=sizes))


def by(family: Family, label: str) -> dict[str, float]:
    return {dict(labels)[label]: value for labels, value in family.samples.items()}


def on_disk(folder: Path) -> int:
    """The bytes that a folder takes: each inode once, folders too, but not itself."""
    found = {}
    for base, folders, names in os.walk(folder):
        for name in (*folders, *names):
            status = Path(base, name).lstat()
            found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def test_what_the_metrics_are(place: Place) -> None:
    prefix = Prefix.at(str(place.root))
    os.utime(lease_file(prefix, "g00001"), (1_700_000_000, 1_700_000_000))
    outcome = EnvironmentOutcome("g00001", f"python{MINOR}-plain", BUILT, "", 2.5)
    keep_build(prefix, [outcome], [MirrorUse('/mnt/a "b" \\c', 3, 4096)], time.time() - 60)
    found = metrics(place)
    assert by(found["monobase_generation_ready"], "generation") == {"g00001": 1, "g00002": 1}
    ready = by(found["monobase_environments_ready"], "generation")
    assert (ready["g00001"], ready["g00002"], len(ready)) == (2, 2, 3)
    assert by(found["monobase_generation_latest"], "generation")["g00002"] == 1
    assert by(found["monobase_generation_last_use_timestamp_seconds"], "generation")["g00001"] == 1_700_000_000
    assert found["monobase_prefix_bytes"].samples[()] == pytest.approx(on_disk(place.root), abs=3 * 4096)
    sizes = measure(prefix)
    assert by(found["monobase_generation_bytes"], "generation") == dict(sizes.apparent)
    assert 0 < sizes.own["g00001"] < sizes.apparent["g00001"] < sizes.total
    assert by(found["monobase_environment_build_seconds"], "environment") == {f"python{MINOR}-plain": 2.5}
    assert 60 <= found["monobase_build_seconds"].samples[()] < 120
    assert by(found["monobase_mirror_bytes"], "mirror") == {'/mnt/a "b" \\c': 4096}
    assert "monobase_verify_whole" not in found


def test_what_is_not_ready_is_no_metric_of_something_else(place: Place) -> None:
    shutil.rmtree(place.environment("plain", 2))
    (place.root / "monobase/latest").unlink()
    found = metrics(place)
    assert by(found["monobase_generation_ready"], "generation") == {"g00001": 1, "g00002": 0}
    assert by(found["monobase_environments"], "generation") == {"g00001": 2, "g00002": 2}
    assert by(found["monobase_environments_ready"], "generation")["g00002"] == 1
    assert set(by(found["monobase_generation_latest"], "generation").values()) <= {0, 1}
    nothing = Prefix.at(str(place.root / "none"))
    assert parse(metrics_text(nothing, load_all(place.data), allow_skipped=True, sizes=current_sizes(nothing)))
    assert not (place.root / "none").exists()


def test_sizes_are_measured_again_when_something_went(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = Prefix.at(str(place.root))
    before = current_sizes(prefix)
    with monkeypatch.context() as patch:
        patch.setattr("workbench.monobase.sizes.measure", lambda _: pytest.fail("measured again"))
        assert current_sizes(prefix) == before
    prune(toolchain_at(place.root), lambda folder: folder.name == "g00001", grace=0)
    after = current_sizes(prefix)
    assert (after.total < before.total, "g00001" in after.apparent) == (True, False)


def test_what_goes_while_it_is_measured_does_not_count(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builders make and remove files all the time."""
    gone = place.root / "stage/work"
    gone.mkdir(parents=True)
    for number in range(40):
        (gone / f"folder{number}").mkdir()
        (gone / f"folder{number}/file").write_text("x")
    scandir = os.scandir

    def racing(folder: str) -> object:
        if str(folder).startswith(str(gone)):
            shutil.rmtree(gone, ignore_errors=True)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", racing)
    assert measure(Prefix.at(str(place.root))).apparent["g00001"] > 0


def test_an_environment_keeps_the_time_that_it_took(place: Place) -> None:
    prefix = Prefix.at(str(place.root))
    names = [f"python{MINOR}-{name}" for name in ("plain", "more")]
    first = [EnvironmentOutcome("g00001", name, BUILT, "", 7.0) for name in names]
    keep_build(prefix, first, [], 0)
    again = [EnvironmentOutcome("g00001", names[0], UP_TO_DATE, "", 0.1)]
    keep_build(prefix, [*again, EnvironmentOutcome("g00001", names[1], FAILED, "no", 1.0)], [], 0)
    assert read_report(prefix, BUILD)["seconds"] == {f"g00001/{name}": 7.0 for name in names}
    assert metrics(place)["monobase_build_failed_environments"].samples[()] == 1
    # What is gone from the range is gone from the metrics.
    keep_build(prefix, again, [], 0)
    assert by(metrics(place)["monobase_environment_build_seconds"], "environment") == {names[0]: 7.0}


def verdicts(place: Place) -> dict[str, dict[str, float]]:
    found = metrics(place)
    keys = ("whole", "faults", "timestamp_seconds")
    names = {key: f"monobase_verify_{key}" for key in keys}
    return {key: by(found[name], "mode") for key, name in names.items() if name in found}


def test_parts_are_one_full_look_as_old_as_the_oldest(place: Place) -> None:
    prefix, whole = Prefix.at(str(place.root)), VerifyReport()
    keep_verdict(prefix, whole, 1000.0, quick=False, part=Part(1, 3))
    keep_verdict(prefix, whole, 1100.0, quick=False, part=Part(2, 3))
    assert verdicts(place)["timestamp_seconds"] == {"quick": 1100}
    keep_verdict(prefix, whole, 1200.0, quick=False, part=Part(3, 3))
    keep_verdict(prefix, whole, 1300.0, quick=False, part=Part(2, 3))
    found = verdicts(place)
    assert found["timestamp_seconds"] == {"quick": 1300, "full": 1000}
    assert found["whole"] == {"quick": 1, "full": 1}
    damaged = VerifyReport(damage=[Damage(MISSING, "e", "x")])
    keep_verdict(prefix, damaged, 1400.0, quick=False, part=Part(3, 3))
    keep_verdict(prefix, whole, 1500.0, quick=True)
    assert verdicts(place)["whole"] == {"quick": 1, "full": 0}
    # Of another number of parts nothing is known yet, but a fault counts at once.
    keep_verdict(prefix, damaged, 1600.0, quick=False, part=Part(1, 2))
    assert verdicts(place)["faults"] == {"quick": 1, "full": 1}
    keep_verdict(prefix, whole, 1700.0, quick=False)
    assert verdicts(place)["timestamp_seconds"] == {"quick": 1600, "full": 1700}
    assert verdicts(place)["whole"]["full"] == 1


def test_a_damaged_report_is_no_metric_and_is_found(place: Place) -> None:
    prefix = Prefix.at(str(place.root))
    keep_verdict(prefix, VerifyReport(), 1000.0, quick=True)
    assert not place.is_found()
    path = place.root / "reports/verify"
    path.write_text(path.read_text().replace("1000", "2000"))
    (place.root / "reports/other").write_text("")
    assert verdicts(place) == {}
    assert {one.path for one in place.verify().damage} == {"reports/verify", "reports/other"}
    place.repair()
    assert not place.is_found()
    write_report(prefix, "verify", {"quick": "no", "full": {"whole": "x"}})
    assert verdicts(place) == {}


def test_nothing_is_written_through_a_link(place: Place, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (place.root / "reports").symlink_to(tmp_path / "outside")
    keep_verdict(Prefix.at(str(place.root)), VerifyReport(), 1000.0, quick=True)
    assert list((tmp_path / "outside").iterdir()) == []
    assert place.is_found()


@settings(max_examples=20)
@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,5}", fullmatch=True), st.text(), max_size=3), st.floats(-1e12, 1e12)
)
def test_any_label_and_number_is_read_as_it_was_written(labels: dict[str, str], value: float) -> None:
    found = parse(text_of([Metric.of("a_metric", 'a "help" \\ of\ntwo lines', [(labels, value)])]))
    assert found["a_metric"].help == 'a "help" \\ of\ntwo lines'
    assert found["a_metric"].samples == {tuple(labels.items()): value}


@pytest.mark.parametrize(
    "text",
    [
        "a 1\n",
        "# HELP a x\n# TYPE a gauge\na 1",
        "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
        '# HELP a x\n# TYPE a gauge\na{b="\\x"} 1\n',
        "# HELP a x\n# TYPE a gauge\na one\n",
        "# HELP a x\n# TYPE a gauge\na 1\n\n",
        "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n",
    ],
)
def test_the_reader_of_the_tests_is_strict(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_a_file_for_the_textfile_collector(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "collector/monobase.prom"
    flags = ("--prefix", place.root, "--data", place.data)
    assert wizard("monobase", "verify", *flags, "--quick").returncode == 0
    done = wizard("monobase", "metrics", *flags, "--file", file)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    found = parse(file.read_text())
    assert by(found["monobase_verify_whole"], "mode") == {"quick": 1}
    # The collector reads what ends in .prom, as another user.
    assert [path.name for path in file.parent.iterdir()] == ["monobase.prom"]
    assert file.stat().st_mode & 0o777 == 0o644
    with pytest.raises(WorkbenchError, match="the metrics cannot be written"):
        write_metrics(f"{file}/x.prom", "")


def test_they_are_served_while_they_are_measured(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = Prefix.at(str(place.root))
    live, started = LiveSizes(prefix), threading.Event()

    def slow(prefix: Prefix) -> object:
        started.wait(10)
        return measure(prefix)

    monkeypatch.setattr("workbench.monobase.sizes.measure", slow)
    generations = load_all(place.data)
    text = lambda: metrics_text(prefix, generations, allow_skipped=False, sizes=live.get())  # noqa: E731
    with listening("127.0.0.1:0", text) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            with urllib.request.urlopen(f"{url}/metrics") as response:
                assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
                assert "monobase_prefix_bytes" not in parse(response.read().decode())
            started.set()
            live.wait()
            with urllib.request.urlopen(f"{url}/metrics?x=1") as response:
                assert "monobase_prefix_bytes" in parse(response.read().decode())
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url}/etc/passwd")
            with pytest.raises(WorkbenchError, match="cannot be listened at"):
                listening(f"127.0.0.1:{server.server_port}", text)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("address", ["9464", ":x", "127.0.0.1:", ":99999"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is not an address to listen at"):
        listening(address, lambda: "")


def test_the_endpoint_ends_at_a_signal(place: Place) -> None:
    command = [
        sys.executable,
        "wizard.py",
        "monobase",
        "metrics",
        "--prefix",
        str(place.root),
        "--listen",
        "127.0.0.1:0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as child:
        assert child.stdout is not None
        match = re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics\n", child.stdout.readline())
        assert match is not None
        with urllib.request.urlopen(match[0].strip()) as response:
            assert parse(response.read().decode())
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
