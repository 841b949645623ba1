"""`rebuild`: what a change costs, in time and in bytes that are new."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.store import BASE, Store, megabytes, store

ROOT = Path(__file__).parent.parent
CATALOGUE = ("base", "bundles", "cuda-layer", "ides", "releases", "snippets")
BUNDLE, IDE = "datascience", "tensorboard"
# A package of the bundle that needs no compiler and that nothing pins.
PIN = "certifi"


def rebuild() -> None:
    """tensorboard-datascience again after a change of its IDE, one pin, its base: against the cold build."""
    with store() as made:
        catalogue = made.folder / "catalogue"
        for name in CATALOGUE:
            shutil.copytree(ROOT / name, catalogue / name)
        below = made.engine.layers(BASE.image)
        cold, first = _build(made)
        own = sum(size for digest, size in first.items() if digest not in below)
        print(f"{IDE}-{BUNDLE}, built again (ratio to the cold build; bytes: of the layers that the base has not)")
        _row("cold", cold, cold, own, own)

        def changed(what: str) -> None:
            seconds, layers = _build(made)
            _row(what, seconds, cold, sum(size for digest, size in layers.items() if digest not in first), own)

        changed("nothing changed")
        (snippet,) = (catalogue / "ides").glob(f"*-{IDE}/*.snippet*")
        text = snippet.read_text()
        (script,) = (catalogue / "ides").glob(f"*-{IDE}/files/run-{IDE}.sh")
        script.write_text(f"{script.read_text()}# Changed.\n")
        changed("only the IDE (its start script)")
        shutil.copy(ROOT / script.relative_to(catalogue), script)
        snippet.write_text(f"ENV WORKBENCH_BENCH=1\n{text}")
        changed("only the IDE (its first line)")
        snippet.write_text(text)
        (requirements,) = (catalogue / "bundles").glob(f"*-{BUNDLE}/py311/requirements.txt")
        text = requirements.read_text()
        requirements.write_text(_with_older_pin(text))
        changed(f"only one pin of the bundle ({PIN})")
        requirements.write_text(text)
        another = f"FROM {BASE.image}\nUSER 0\nRUN touch /etc/rebuilt\nUSER 1001\n"
        made.engine("build", "--tag", BASE.image, "-", stdin=another.encode())
        changed("only the base (a file more)")


def _build(made: Store) -> tuple[float, dict[str, int]]:
    return made.recipe("standard", BUNDLE, IDE, "--catalog", str(made.folder / "catalogue"))


def _row(what: str, seconds: float, cold: float, count: int, own: int) -> None:
    times = f"{seconds:7.1f} s   {seconds / cold:5.2f}"
    print(f"  {what:<36} {times}   {megabytes(count)}   {count / own:5.2f}", flush=True)


def _with_older_pin(text: str) -> str:
    """Return requirements `text` with the release of PIN before the pinned one, and that one's hash."""
    line = re.compile(rf"^{PIN}==([^;\s]+)(.*?) --hash=.*$", re.MULTILINE)
    found = line.search(text)
    if found is None:
        raise SystemExit(f"the bundle {BUNDLE} does not pin {PIN}")
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{PIN}<{found[1]}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--dest", folder, wanted], check=True)
        (wheel,) = Path(folder).iterdir()
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return line.sub(rf"{PIN}=={wheel.name.split('-')[1]}\2 --hash=sha256:{digest}", text)
