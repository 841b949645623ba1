"""`install`: the Python packages of a recipe put into an image by uv, as recipes do it, and by pip."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from benchmarks.store import BASE, Store, megabytes, store
from workbench.images.network import CA_BUNDLE, site

# Each as its own documents recommend it for images, with hashes required and bytecode compiled.
_PROGRAMS = {
    "pip": "pip install --no-cache-dir --require-hashes",
    "uv": "uv pip install --no-cache --compile-bytecode --require-hashes",
}
_BUNDLE, _IDE = "datascience", "jupyter"


def install() -> None:
    """The locked lists of jupyter-datascience installed in its base by pip and by uv, downloads included: 3 GB."""
    with store() as podman_store:
        flags = (*BASE.flags(), "--base=standard", f"--bundle={_BUNDLE}", f"--ide={_IDE}")
        out = str(podman_store.folder / "recipes")
        folder = Path(json.loads(podman_store.wizard("new", *flags, "--out", out, "--json"))["folder"])
        lists = ["requirements.txt", f"requirements-{_IDE}.txt"]
        built = {name: _build(podman_store, folder, program, lists) for name, program in _PROGRAMS.items()}
    print(f"the Python packages of {_IDE}-{_BUNDLE} in one layer, network included (ratio to pip)")
    for name, (seconds, size) in built.items():
        first, weight = built["pip"]
        print(f"  {name:<4}{seconds:7.1f} s   {seconds / first:4.2f}   {megabytes(size)}   {size / weight:4.2f}")


def _build(podman_store: Store, folder: Path, program: str, lists: list[str]) -> tuple[float, int]:
    installs = " && ".join(f"{program} -r /tmp/{name}" for name in lists)
    text = f"FROM {BASE.image}\nCOPY {' '.join(lists)} /tmp/\nRUN umask 0002 && {installs}\n"
    image = f"localhost/installed:{program.partition(' ')[0]}"
    with site(os.environ.get(CA_BUNDLE) or os.environ.get("SSL_CERT_FILE", "")) as network:
        file = podman_store.folder / "Containerfile"
        file.write_text(network.containerfile(text))
        before = time.monotonic()
        podman_store.engine("build", "--no-cache", *network.mounts(), f"--file={file}", f"--tag={image}", str(folder))
        seconds = time.monotonic() - before
    layers = podman_store.engine.layers(image)
    return seconds, sum(layers.values()) - sum(podman_store.engine.layers(BASE.image).values())
