"""Does a CUDA layer keep its promises? Its libraries load, and tell the versions that the release names."""

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

# What each layer adds: libraries by the stem of their names, and versions that can be asked for.
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
_QUESTIONS = os.path.join(os.path.dirname(__file__), "probe.py")


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
    with open(_QUESTIONS, encoding="utf-8") as file:
        questions = file.read()
    for user in USERS:
        # LD_LIBRARY_PATH must not be what makes it work: programs clear it.
        command = ("python", "-c", questions, ",".join(dict.fromkeys(libraries)), ",".join(versions))
        answer = store.run(image, command, user=user, environment={"LD_LIBRARY_PATH": ""}, seconds=300)
        if answer.code != 0:
            raise WorkbenchError(f"{image} does not answer as user {user}: {answer.reason}")
        checks += read_cuda_answers(answer.out, user, release.cuda)
    return checks


def read_cuda_answers(text: str, user: str, pins: Mapping[str, str]) -> list[Check]:
    """Return the checks that a container's answers amount to, for the user it ran as."""
    told = json.loads(text)
    checks = []
    for stem, seen in told["libraries"].items():
        checks.append(Check(f"as {user}: lib{stem}", seen.startswith(f"lib{stem}.so."), seen))
    toolkit = pins["version"].rpartition(".")[0]
    for name, seen in told["versions"].items():
        # cuDNN's fourth number is a build that the library does not tell.
        wanted = ".".join(pins[name].split(".")[:3]) if name in pins else toolkit
        checks.append(_same(f"as {user}: version of {name}", seen, wanted))
    return checks


def _wanted(release: Release) -> dict[str, str]:
    values = (release.cuda["version"], "/usr/local/cuda", "all", "compute,utility")
    return dict(zip(_ENVIRONMENT, values, strict=True))


def _down_from(layer: str) -> list[str]:
    found = [layer]
    while LAYERS[found[-1]]:
        found.append(LAYERS[found[-1]])
    return found[::-1]


def _same(what: str, seen: str, wanted: str) -> Check:
    return Check(what, seen == wanted, seen if seen == wanted else f"{seen or 'nothing'}, expected {wanted}")
