"""`workbench`: seconds from a clone to the open page, by step, against the same steps by hand."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.command import wizard
from tests.copied import copy_repository
from tests.engine import SHORT, BaseChoice, Engine, ca_bundle, free_port, started, wait_for
from workbench.images.base import root_name

_CHOICE = BaseChoice()
_TAG = f"jupyter-minimal-bookworm-py311_{_CHOICE.release}_{_CHOICE.date}"


def workbench() -> None:
    """`up` from an empty podman store to the open page, by step, against the same commands one by one."""
    setup, loads = _set_up(), [os.getloadavg()[0]]
    with _empty() as engine:
        up = _up(engine)
        added = _added(engine)
    loads.append(os.getloadavg()[0])
    with _empty() as engine:
        hand = _by_hand(engine)
    loads.append(os.getloadavg()[0])
    # One after the other: where these differ, so do the halves.
    what = f"{_CPUS} CPUs; load before, between and after: {', '.join(f'{load:.1f}' for load in loads)}"
    print(f"from a clone to the open page, jupyter-minimal (ratio to the step by hand, and bytes on the disk); {what}")
    print(f"  {'make setup':<14} {setup:7.1f} s")
    for step, seconds in up.items():
        peer = hand.get(step)
        ratio = f"{seconds / peer:4.2f} of {peer:.1f} s" if peer else ""
        print(f"  {step:<14} {seconds:7.1f} s   {ratio:<20} {f'{added[step]:>14,}' if step in added else ''}".rstrip())
    print(f"  {'together':<14} {sum(up.values()):7.1f} s   {sum(up.values()) / sum(hand.values()):4.2f} by hand")


_CPUS = os.cpu_count()


def _set_up() -> float:
    with tempfile.TemporaryDirectory() as folder:
        clone = copy_repository(Path(folder) / "clone")
        begin = time.monotonic()
        subprocess.run(["make", "setup"], cwd=clone, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - begin


@contextmanager
def _empty() -> Iterator[Engine]:
    with started(Path(tempfile.mkdtemp(prefix="workbench-bench-", dir=SHORT))) as engine:
        yield engine


def _up(engine: Engine) -> dict[str, float]:
    """Return the seconds of each step, and of what is around them."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        report = json.loads(
            _run(engine.env, "up", "--yes", "--json", "--no-browser", f"--date={_CHOICE.date}", *_places(folder))
        )
        whole = time.monotonic() - begin
    steps = {str(step["step"]): float(step["took"]) for step in report["steps"]}
    return {**steps, "plan": whole - sum(steps.values())}


def _added(engine: Engine) -> dict[str, int]:
    """Return the bytes that each step's image has on the disk beside those of the image that it stands on."""
    images = {"root image": root_name(_CHOICE.os), "base image": _CHOICE.image}
    images["image"] = f"localhost/workbench-images:{_TAG}"
    added, below = {}, dict[str, int]()
    for step, image in images.items():
        layers = engine.layers(image)
        added[step] = sum(size for digest, size in layers.items() if digest not in below)
        below = layers
    return added


def _by_hand(engine: Engine) -> dict[str, float]:
    """Return the seconds of each command that somebody types who knows the chain."""
    took = {}
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder, "recipes", _TAG)
        answers = ["--defaults", "--out", str(recipe.parent), f"--date={_CHOICE.date}"]
        commands = {
            "root image": ("os-image", "--os", _CHOICE.os),
            "base image": ("base", *_CHOICE.flags(), *ca_bundle(), "--log-dir", folder),
            "recipe": ("new", *answers),
            "image": ("build", str(recipe), *ca_bundle(), "--log-dir", folder),
        }
        for step, command in commands.items():
            begin = time.monotonic()
            _run(engine.env, *command)
            took[step] = time.monotonic() - begin
    begin, port = time.monotonic(), free_port()
    engine("run", "--detach", f"--publish=127.0.0.1:{port}:8888", f"localhost/workbench-images:{_TAG}")
    wait_for(f"http://127.0.0.1:{port}/api", 300)
    return {**took, "workbench": time.monotonic() - begin}


def _places(folder: str) -> list[str]:
    return ["--out", f"{folder}/recipes", "--log-dir", f"{folder}/logs", *ca_bundle()]


def _run(env: Mapping[str, str], *arguments: str) -> str:
    done = wizard(*arguments, env=env)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout
