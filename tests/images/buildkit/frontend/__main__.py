"""Compare our reader with BuildKit's own frontend over other people's files.

    .venv/bin/python -m tests.images.buildkit.frontend FOLDER --buildkit unix:///run/buildkit/buildkitd.sock

reads every Dockerfile and Containerfile below FOLDER with both, the folder that each lies in beside it. The daemon
must be able to get their images, or those are left out; `--without-images` has each of them stand on nothing, and all
files be there. Nothing is built. One line each: how they are read, and
what of the image's configuration is not the same. The exit code is 1 where we take what BuildKit refuses, or make
another configuration of it.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.images.buildkit.frontend.offline import without_images
from tests.images.buildkit.frontend.verdicts import UNREACHABLE, config_of
from workbench.containerfile.reader import Source, read
from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import BuildKitError
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.context import exists

# BuildKit marks what a shell reads for Windows; nothing on Linux takes notice of it.
IGNORED = frozenset({"ArgsEscaped"})


def ours(gateway: Gateway, text: str, folder: Path | None) -> dict[str, Any]:
    """Return the configuration that we make of it, no file missing without a folder; raises WorkbenchError."""
    there = partial(exists, str(folder)) if folder is not None else lambda path: True
    plan = read(Source(text, "", there), lambda image: gateway.image_config(image)[1])
    return dict(plan.stages[-1].config.get("config") or {})


def compared(gateway: Gateway, file: Path, *, images: bool = True) -> tuple[str, bool]:
    """Return one line about a file, and whether it is a fault of ours; without `images`, `scratch` stands for them."""
    text = file.read_text(errors="replace")
    text = text if images else without_images(text)
    try:
        other = config_of(gateway, text)
    except BuildKitError as error:
        if UNREACHABLE in (error.detail or error.message):
            return "left out: the daemon cannot get its image", False
        other, refusal = None, error.detail or error.message
    try:
        own = ours(gateway, text, file.parent if images else None)
    except WorkbenchError as error:
        who = "both refuse" if other is None else "only we refuse"
        return f"{who}: line {error.where.lstrip(':') or '?'}: {error.message}", False
    if other is None:
        return f"only BuildKit refuses: {refusal}", True
    names = sorted(name for name in {*own, *other} - IGNORED if plain(own, name) != plain(other, name))
    shown = [f"{name}: {plain(own, name)} / {plain(other, name)}" for name in names]
    return f"not the same: {'; '.join(shown)}" if names else "the same", bool(names)


def plain(config: dict[str, Any], name: str) -> object:
    """Return a setting; what is empty is not there, and / is the folder of an image that names none."""
    return None if name == "WorkingDir" and config.get(name) == "/" else config.get(name) or None


def main(arguments: list[str]) -> int:
    """Compare what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="tests.images.buildkit.frontend", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--buildkit", required=True, help="the address of a stand-alone buildkitd")
    parser.add_argument("--without-images", action="store_true", help="have every image be scratch")
    args = parser.parse_args(arguments)
    files = [path for path in sorted(args.folder.rglob("*")) if is_containerfile(path)]
    faults = 0

    def solve(gateway: Gateway) -> BuildResult:
        nonlocal faults
        for file in files:
            line, is_fault = compared(gateway, file, images=not args.without_images)
            faults += is_fault
            print(f"{file.relative_to(args.folder)}: {line}", flush=True)
        return BuildResult()

    with connect(args.buildkit) as daemon:
        daemon.build(solve)
    print(f"{len(files)} files, {faults} faults")
    return int(faults > 0)


def is_containerfile(path: Path) -> bool:
    """Return whether it has the name of one: Dockerfile, Containerfile.cuda, web.Dockerfile."""
    return path.is_file() and any(part in ("Dockerfile", "Containerfile") for part in path.name.split("."))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
