"""Does a CUDA layer keep its promises? Its libraries load, and report the versions that the release names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.values import Release
from workbench.errors import WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore, required
from workbench.images.validate import USERS, Check

# What each layer adds: libraries by the stem of their names, and versions that can be queried.
_LIBRARIES = {
    "base": ("cudart",),
    "runtime": (
        *("nvrtc", "nvJitLink", "cublas", "cublasLt", "cufft", "curand", "cusolver", "cusparse"),
        *("nppc", "nppial", "nppif", "nccl"),
    ),
    "runtime-cudnn": ("cudnn", "cudnn_ops", "cudnn_cnn"),
    "devel": (),
    "devel-cudnn": ("cudnn", "cudnn_ops", "cudnn_cnn"),
}
_VERSIONS = {
    "base": ("cudart",),
    "runtime": ("nccl",),
    "runtime-cudnn": ("cudnn",),
    "devel": ("nvcc",),
    "devel-cudnn": ("cudnn",),
}
_ENVIRONMENT = ("CUDA_VERSION", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES")
_PROBE = os.path.join(os.path.dirname(__file__), "probe.py")


def validate_layer(image: str, layer: str, release: Release, store: ImageStore = PODMAN) -> list[Check]:
    """Return what was found in the `image` of `store`, which is a CUDA `layer` of `release`.

    Its environment first; then, as each of USERS, its libraries and their versions. Without
    network and without a GPU. Raises WorkbenchError when the image does not start.
    """
    environment = dict(entry.split("=", 1) for entry in required(store, image).config.get("Env") or ())
    checks = [_same(f"{name} of the image", environment.get(name, ""), want) for name, want in _wanted(release).items()]
    below = _down_from(layer)
    libraries = [stem for part in below for stem in _LIBRARIES[part]]
    versions = list(dict.fromkeys(name for part in below for name in _VERSIONS[part]))
    with open(_PROBE, encoding="utf-8") as file:
        probe = file.read()
    for user in USERS:
        # LD_LIBRARY_PATH must not be what makes it work: programs clear it.
        command = ("python", "-c", probe, ",".join(dict.fromkeys(libraries)), ",".join(versions))
        completed = store.run(image, command, user=user, environment={"LD_LIBRARY_PATH": ""}, seconds=300)
        if completed.code != 0:
            raise WorkbenchError(f"{image} does not respond as user {user}: {completed.reason}")
        checks += read_cuda_report(completed.out, user, release.cuda)
    return checks


def read_cuda_report(text: str, user: str, pins: Mapping[str, str]) -> list[Check]:
    """Return the checks that a container's report amounts to, for the user it ran as."""
    report = json.loads(text)
    checks = []
    for stem, observed in report["libraries"].items():
        checks.append(Check(f"as {user}: lib{stem}", observed.startswith(f"lib{stem}.so."), observed))
    toolkit = pins["version"].rpartition(".")[0]
    for name, observed in report["versions"].items():
        # cuDNN's fourth number is a build that the library does not report.
        wanted = ".".join(pins[name].split(".")[:3]) if name in pins else toolkit
        checks.append(_same(f"as {user}: version of {name}", observed, wanted))
    return checks


def _wanted(release: Release) -> dict[str, str]:
    values = (release.cuda["version"], "/usr/local/cuda", "all", "compute,utility")
    return dict(zip(_ENVIRONMENT, values, strict=True))


def _down_from(layer: str) -> list[str]:
    found = [layer]
    while LAYERS[found[-1]]:
        found.append(LAYERS[found[-1]])
    return found[::-1]


def _same(what: str, observed: str, wanted: str) -> Check:
    return Check(
        what, observed == wanted, observed if observed == wanted else f"{observed or 'nothing'}, expected {wanted}"
    )
