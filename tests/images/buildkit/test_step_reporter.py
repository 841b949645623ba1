from __future__ import annotations

from tests.images.buildkit.dockers import Lines
from workbench.images.buildkit.llb.status import Event, Kind
from workbench.images.buildkit.step_reporter import StepReporter


def reported(*events: tuple[Kind, str, str, str]) -> tuple[Lines, StepReporter]:
    watcher = Lines()
    steps = StepReporter(watcher)
    steps.expect(["RUN a", "RUN b https://me:secret@example.com", "RUN c"])
    for kind, digest, name, text in events:
        steps.read(Event(kind, digest, name, text))
    return watcher, steps


def test_steps_are_numbered_as_they_begin_and_lines_name_their_step() -> None:
    two = "RUN b https://me:secret@example.com"
    watcher, steps = reported(
        ("began", "0", "the image localhost/b:1", ""),
        ("began", "2", two, ""),
        ("began", "1", "RUN a", ""),
        ("line", "1", "RUN a", "one"),
        ("line", "1", "RUN a", "more"),
        ("line", "2", two, "https://me:secret@example.com"),
        ("line", "9", "a join", "joined"),
        ("ended", "1", "RUN a", ""),
        ("began", "1", "RUN a", ""),
        ("began", "3", "RUN c", ""),
        ("cached", "3", "RUN c", ""),
    )
    assert watcher.steps == [(1, 3, "RUN b https://***@example.com"), (2, 3, "RUN a"), (3, 3, "RUN c")]
    assert watcher.lines == [
        "STEP 1/3: RUN b https://***@example.com",
        "STEP 2/3: RUN a",
        "one",
        "more",
        "--- step 1/3 goes on:",
        "https://***@example.com",
        "joined",
        "STEP 3/3: RUN c",
        "--> cached",
    ]
    assert steps.describe(two) == "step 1 of 3: RUN b https://***@example.com"
    assert steps.describe("RUN never") == "RUN never"
    assert steps.describe("") == "no step: BuildKit did not begin"
    steps.sum_up()
    assert watcher.lines[-1] == "1 of 3 steps were done before, and are taken over as they are"


def test_more_steps_than_were_expected_are_counted_too() -> None:
    watcher, steps = reported(("began", "1", "RUN a", ""))
    steps.expect(["RUN a"])
    steps.read(Event("began", "2", "RUN a"))
    assert watcher.steps == [(1, 3, "RUN a"), (2, 2, "RUN a")]


def test_a_refused_certificate_and_errors_without_passwords() -> None:
    watcher, steps = reported(
        ("began", "1", "RUN a", ""),
        ("line", "1", "RUN a", "curl: (60) SSL certificate problem: unknown"),
        ("failed", "1", "RUN a", "executor failed running https://me:secret@example.com"),
    )
    assert steps.hint.endswith("give --ca-bundle FILE")
    assert watcher.lines[-1] == "executor failed running https://***@example.com"
