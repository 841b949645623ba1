"""A recipe, and the changes after which benchmarks build it again."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.store import BASE, Store

ROOT = Path(__file__).parent.parent
CATALOGUE = ("base", "bundles", "cuda-layer", "ides", "releases", "snippets")
BUNDLE, IDE = "datascience", "tensorboard"
# A package of the bundle that needs no compiler and that nothing pins.
PIN = "certifi"


def changes(podman_store: Store, *, quick: int = 1) -> Iterator[str]:
    """Yield what is changed, once it is: nothing at first, and one thing at a time in a copy of the catalogue.

    What takes seconds at most is yielded `quick` times, each time changed into something else.
    """
    catalogue = podman_store.folder / "catalogue"
    for name in CATALOGUE:
        shutil.copytree(ROOT / name, catalogue / name)
    yield "cold"
    for _ in range(quick):
        yield "nothing changed"
    (snippet,) = (catalogue / "ides").glob(f"*-{IDE}/*.snippet*")
    (script,) = (catalogue / "ides").glob(f"*-{IDE}/files/run-{IDE}.sh")
    (requirements,) = (catalogue / "bundles").glob(f"*-{BUNDLE}/py311/requirements.txt")
    for what, file, before, after in (
        ("only the IDE (its start script)", script, "", "# Changed {}.\n"),
        ("only the IDE (its first line)", snippet, "ENV WORKBENCH_BENCH={}\n", ""),
    ):
        text = file.read_text()
        for at in range(quick):
            file.write_text(before.format(at) + text + after.format(at))
            yield what
        file.write_text(text)
    text = requirements.read_text()
    requirements.write_text(_with_older_pin(text))
    yield f"only one pin of the bundle ({PIN})"
    requirements.write_text(text)
    another = f"FROM {BASE.image}\nUSER 0\nRUN touch /etc/rebuilt\nUSER 1001\n"
    podman_store.engine("build", "--tag", BASE.image, "-", stdin=another.encode())
    yield "only the base (a file more)"


def _with_older_pin(text: str) -> str:
    """Return requirements `text` with the release of PIN before the pinned one, and that one's hash."""
    line = re.compile(rf"^{PIN}==([^;\s]+)(.*?) --hash=.*$", re.MULTILINE)
    found = line.search(text)
    if found is None:
        raise SystemExit(f"the bundle {BUNDLE} does not pin {PIN}")
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{PIN}<{found[1]}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--dest", folder, wanted], check=True, stderr=subprocess.PIPE)
        (wheel,) = Path(folder).iterdir()
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return line.sub(rf"{PIN}=={wheel.name.split('-')[1]}\2 --hash=sha256:{digest}", text)
