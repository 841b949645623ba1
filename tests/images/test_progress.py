from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.catalogues import REPOSITORY
from tests.engine import Engine
from tests.images.recipes import IMAGE, recipe
from workbench.drawing import shortened
from workbench.errors import WorkbenchError
from workbench.images.builder import Builder, Built, Watcher
from workbench.images.parts import PartFinder
from workbench.images.progress import BuildProgress, clock
from workbench.images.request import BuildRequest
from workbench.images.run_build import run_build
from workbench.images.step_times import StepTimes, remaining

REQUEST = BuildRequest(("localhost/images:some_2026a_20261122",), ".", "FROM a\n")
_TIME = re.compile(r"\[ *[0-9.]+ s\]|in [0-9.]+ s")


class Scripted:
    """A Builder that says what a test wants and ends as it wants."""

    def __init__(self, end: BaseException | None = None, lines: int = 0) -> None:
        self.end = end
        self.lines = lines

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        watcher.step(1, 2, "FROM a")
        for number in range(self.lines):
            watcher.line(f"line {number}")
        watcher.step(2, 2, "RUN " + "long " * 50)
        if self.end is not None:
            raise self.end
        return Built(request.names[0], "sha256:1")


def timeless(text: str) -> list[str]:
    return [_TIME.sub("T", line) for line in text.splitlines()]


def test_without_a_terminal_a_line_comes_when_a_step_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = run_build(REQUEST, logs=str(tmp_path), builder=Scripted(lines=1))
    assert made.built == Built("localhost/images:some_2026a_20261122", "sha256:1")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert timeless(shown.err) == [
        f"log: {made.log}",
        "T   1/2  FROM a",
        f"T   2/2  {('RUN ' + 'long ' * 50)[:99]}…",
        "built localhost/images:some_2026a_20261122 T",
    ]
    assert "\x1b" not in shown.err
    assert Path(made.log).read_text() == "line 0\n"


def test_quiet_shows_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_build(REQUEST, logs=str(tmp_path), quiet=True, builder=Scripted())
    with pytest.raises(WorkbenchError):
        run_build(REQUEST, logs=str(tmp_path), quiet=True, builder=Scripted(WorkbenchError("broken"), lines=3))
    assert capsys.readouterr() == ("", "")


def test_a_failure_names_the_log_and_shows_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WorkbenchError) as error:
        run_build(REQUEST, logs=str(tmp_path), builder=Scripted(WorkbenchError("broken", hint="mend it"), lines=100))
    (log,) = tmp_path.iterdir()
    assert (error.value.message, error.value.hint) == ("broken", f"mend it; the whole log is {log}")
    shown = capsys.readouterr().err.splitlines()
    assert shown[3:] == [f"the last 20 lines of {log}:", *(f"  | line {number}" for number in range(80, 100))]
    assert len(log.read_text().splitlines()) == 100


def test_a_build_that_never_began_leaves_no_log(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as error:
        run_build(REQUEST, logs=str(tmp_path / "logs"), builder=Scripted(WorkbenchError("no base")))
    assert error.value.hint == ""
    assert list((tmp_path / "logs").iterdir()) == []


def test_an_interrupt_reports_what_was_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_build(REQUEST, logs=str(tmp_path), builder=Scripted(KeyboardInterrupt(), lines=1))
    assert "stopped: localhost/images:some_2026a_20261122 was not made or changed" in capsys.readouterr().err


def test_a_log_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError) as error:
        run_build(REQUEST, logs=str(tmp_path / "file"), builder=Scripted())
    assert error.value.message == "the log cannot be written: File exists"
    assert "--log-dir" in error.value.hint


def test_words_in_brackets_are_not_markup(tmp_path: Path) -> None:
    shown = io.StringIO()
    with BuildProgress("tag", str(tmp_path), to=shown) as progress:
        progress.step(1, 1, "RUN test [bold] = [/red]")
        progress.line("x")
    assert shown.getvalue().endswith("  1/1  RUN test [bold] = [/red]\n")


def test_shortened() -> None:
    assert [shortened("abcdef", width) for width in (7, 6, 5)] == ["abcdef", "abcdef", "abcd…"]


def on_a_terminal(engine: Engine, folder: Path, env: dict[str, str], columns: int = 80) -> tuple[str, list[str]]:
    """Build a small recipe on a pseudo-terminal; return what was sent to it and the lines it shows."""
    built = recipe(folder, engine, "RUN sleep 1; echo done\n")
    settings = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    child = pexpect.spawn(
        sys.executable,
        [str(REPOSITORY / "wizard.py"), "build", str(built), "--no-cache", "--log-dir", str(folder / "logs")],
        dimensions=(120, columns),
        encoding="utf-8",
        timeout=120,
        env={**settings, "TERM": "xterm-256color", **env},
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    screen = pyte.Screen(columns, 120)
    pyte.Stream(screen).feed(child.before)
    return child.before, [line.rstrip() for line in screen.display if line.strip()]


def steps_of_podman(folder: Path) -> int:
    """How many steps podman counted in the build on a terminal: as many as there are labels, or one for all of them."""
    (log,) = (folder / "logs").iterdir()
    counted = re.search(r"^STEP 1/(\d+): ", log.read_text(), re.MULTILINE)
    assert counted is not None
    return int(counted[1])


def test_a_bar_on_a_terminal(engine: Engine, tmp_path: Path) -> None:
    sent, shown = on_a_terminal(engine, tmp_path, {})
    # While it ran there was a bar with the part, the step, the count, the elapsed time and the last line of output.
    total = steps_of_podman(tmp_path)
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent)
    assert re.search(rf"Python packages of the bundle plain · RUN sleep 1; echo done\s+━[━╸╺ ]+5/{total} 0:0\d", drawn)
    assert re.search(r"\n +STEP 5/\d+: RUN sleep 1; echo done", drawn)
    # The parts of the recipe, after the log.
    assert shown[1].startswith("log: ")
    places = [shown.index(part) for part in ("Base image", "Python packages of the bundle plain", "The IDE editor")]
    assert places == sorted(places)
    # What is left is a line a step with the time it took, and none of the bar.
    steps = [line for line in shown if line.startswith("[")]
    assert len(steps) == total
    slow = next(line for line in steps if "sleep" in line)
    assert float(slow.split()[-2]) >= 1.0
    # The number in brackets is when a step began.
    begun = [float(line[1:].split()[0]) for line in steps]
    assert begun == sorted(begun) and begun[0] < 1.0
    assert IMAGE in shown
    assert f"podman rmi {IMAGE}" in "".join(shown)
    assert "━" not in "".join(shown)


@pytest.mark.thorough
def test_no_colour(engine: Engine, tmp_path: Path) -> None:
    sent, _ = on_a_terminal(engine, tmp_path, {"NO_COLOR": "1"})
    assert "━" in sent
    assert not re.search(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|9[0-7]|38;[0-9;]+)m", sent)


@pytest.mark.thorough
def test_a_dumb_terminal(engine: Engine, tmp_path: Path) -> None:
    sent, _ = on_a_terminal(engine, tmp_path, {"TERM": "dumb"})
    assert "\x1b" not in sent
    assert "━" not in sent
    assert len([line for line in sent.splitlines() if line.startswith("[")]) == steps_of_podman(tmp_path)


@pytest.mark.thorough
def test_a_narrow_terminal(engine: Engine, tmp_path: Path) -> None:
    _, shown = on_a_terminal(engine, tmp_path, {}, columns=50)
    assert len([line for line in shown if line.startswith("[")]) == steps_of_podman(tmp_path)


def test_the_expected_time_is_what_the_steps_took_the_last_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = "# === One (a/b.snippet)\nFROM a\nRUN one \\\n  # why\n  && two\n# === Two (c)\nRUN three\n"
    times = StepTimes()
    for (part, title), seconds in zip(PartFinder(text).steps(), (0.5, 60.0, 3.5), strict=True):
        times.took(part, title, seconds)
    times.keep()
    assert remaining(StepTimes(), PartFinder(text).steps()) == 64.0
    # Another part, or an instruction that was never built, has no expected time; FROM and the like count for nothing.
    assert remaining(StepTimes(), PartFinder(text.replace("three", "four")).steps()) is None
    assert remaining(StepTimes(), PartFinder(text.replace("=== One", "=== Other")).steps()) is None
    assert remaining(StepTimes(), PartFinder(text.replace("FROM a", "FROM b")).steps()) == 63.5
    (tmp_path / "cache/workbench-images/steps/seconds.json").write_text("damaged")
    assert remaining(StepTimes(), PartFinder(text).steps()) is None


def test_only_steps_that_were_really_built_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with BuildProgress("tag", str(tmp_path), text="FROM a\nRUN one\nRUN two\n", quiet=True) as progress:
        for number, title in enumerate(("FROM a", "RUN one", "RUN two"), 1):
            progress.step(number, 3, title)
            progress.line("--> Using cache 0123" if title == "RUN one" else "x")
    assert [StepTimes().of("", title) is None for title in ("RUN one", "RUN two")] == [True, False]


def test_the_part_of_a_step_is_found_by_its_instruction() -> None:
    text = "# === One (a)\nFROM a\nUSER 0\nRUN one\n# === Two (b)\nUSER 0\nCOPY x y\n"
    finder = PartFinder(text)
    steps = ("FROM a", "ARG of=ours", "USER 0", "RUN  one", "USER 0", "COPY x y", "LABEL a=b")
    # USER 0 is in both; a step that comes again belongs to the part that the build is at.
    found = [part.title for title in steps if (part := finder.of(title))]
    assert found == ["One", "One", "One", "One", "One", "Two", "Two"]
    assert PartFinder("FROM a\n").of("FROM a") is None
    assert PartFinder("\0").of("FROM a") is None


def test_clock() -> None:
    assert [clock(seconds) for seconds in (7.9, 750, 3723)] == ["0:07", "12:30", "1:02:03"]


def test_scripted_is_a_builder() -> None:
    builder: Builder = Scripted()
    assert builder
