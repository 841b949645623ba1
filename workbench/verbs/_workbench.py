"""What `up`, `run` and the wizard share: flags of a running workbench, the plan as text, and the last lines."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.commands import here

if TYPE_CHECKING:
    from workbench.launch.machine import Target
    from workbench.launch.make import Done
    from workbench.launch.plan import Step
    from workbench.launch.running import RunOptions, Started


def running_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how a workbench runs."""
    running = parser.add_argument_group("running")
    running.add_argument(
        "--name", metavar="NAME", default="", help="name of the workbench and its files (default: the tag, undated)"
    )
    running.add_argument("--port", metavar="N", default="", help="port on 127.0.0.1 (default: a free one, 8888 first)")
    running.add_argument("--no-gpus", dest="gpus", action="store_false", help="give it none of the GPUs CDI knows")
    running.add_argument("--no-browser", dest="browser", action="store_false", help="open no browser")
    running.add_argument("--json", action="store_true", help="report as JSON, without progress")


def run_options(args: argparse.Namespace) -> RunOptions:
    """Return how the flags want the workbench run; raises UsageError for a port that is no number."""
    from workbench.launch.ports import port_number
    from workbench.launch.running import RunOptions

    return RunOptions(port_number(args.port) if args.port else 0, args.gpus)


def plan_text(tag: str, steps: Sequence[Step]) -> str:
    """Return the plan as text: each step with its state and what it takes, then what all take together."""
    from workbench.launch.plan import needs_consent, total_text
    from workbench.table import columns, folded

    rows: list[tuple[str, ...]] = []
    for step in steps:
        takes = str(step.expected) if step.expected else "not measured" if _counts(step) else ""
        rows.append((f"  {step.kind}", step.name.removeprefix("localhost/workbench-images:"), step.state, takes))
    width = shutil.get_terminal_size((120, 24)).columns
    room = width - 4 - sum(max(len(row[at]) for row in rows) + 2 for at in (0, 2, 3))
    header: tuple[str, ...] = ("  step", "what", "state", "expected")
    if room < _LEAST:
        # The names begin alike, and so short they say nothing.
        header, rows = (header[0], *header[2:]), [(row[0], *row[2:]) for row in rows]
    else:
        rows = [(row[0], _cut(row[1], room), *row[2:]) for row in rows]
    title = folded(f"{tag}, with podman", width)
    text = f"{title}\n\n{columns(header, rows, width)}\n"
    if not needs_consent(steps):
        return text
    sentence = total_text(steps)
    return f"{text}\n{sentence[0].upper()}{sentence[1:]}."


# Columns below which names of images are left out of the plan.
_LEAST = 20


def _counts(step: Step) -> bool:
    from workbench.launch.plan import needs_consent

    return needs_consent([step])


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def commands(name: str) -> dict[str, str]:
    """Return the commands that show, stop, run and remove a workbench, as `--json` prints them."""
    word = shlex.quote(name)
    words = {"show": "ps", "stop": f"stop {word}", "run": f"run {word}", "remove": f"stop --remove {word}"}
    return {what: here(arguments) for what, arguments in words.items()}


def closing(name: str) -> str:
    """Return those commands as text, and where the files of the workbench are."""
    from workbench.launch.names import container_name

    word, known = shlex.quote(name), commands(name)
    return (
        f"  show them   {known['show']}\n"
        f"  stop it     {known['stop']}\n"
        f"  run it      {known['run']}\n"
        f"  remove it   {known['remove']}\n"
        f"Your files are in the volume {container_name(name)}: they stay until `{here(f'stop --delete-files {word}')}`."
    )


def runs_commands(image: str) -> str:
    """Return how to use an image that serves nothing."""
    return f"{image}\nrun commands in it: podman run --rm -it {shlex.quote(image)} bash"


def show_opened(started: Started, args: argparse.Namespace) -> None:
    """Print the address of a workbench that responds and what to do with it; open a browser where there is one."""
    from workbench.launch.opening import has_display, open_in_browser
    from workbench.notes import print_note

    workbench = started.workbench
    for note in started.notes:
        print_note(note)
    if args.json:
        return
    print(f"\nThe workbench is open: {workbench.address}\n\n{closing(workbench.name)}", flush=True)
    if args.browser and sys.stdout.isatty() and has_display() and not open_in_browser(workbench.address):
        print_note("no browser could be opened: open the address yourself")


def report_of(target: Target, done: Done) -> dict[str, object]:
    """Return what `up --json` prints."""
    return {
        "tag": target.tag,
        "folder": target.folder,
        "image": target.image,
        "steps": [{**step.as_data(), "took": round(seconds, 1)} for step, seconds in done.seconds],
        "notes": [*done.notes, *(done.started.notes if done.started else ())],
        "workbench": done.started.workbench.as_data() if done.started else None,
        "commands": commands(done.started.workbench.name) if done.started else None,
    }


def print_report(started: Started) -> None:
    """Print what `run --json` prints."""
    workbench = started.workbench
    report = {**workbench.as_data(), "notes": list(started.notes), "commands": commands(workbench.name)}
    print(json.dumps(report, indent=2))
