"""What BuildKit's own frontend says of a Containerfile without building it, and what our reader says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.containerfile.reader import Source, read
from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.failures import BuildKitError
from workbench.images.buildkit.llb.gateway import Gateway
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.pb import gateway_pb2 as pb
from workbench.images.buildkit.llb.state import scratch

BASE: Mapping[str, Any] = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]}}


def theirs(gateway: Gateway, text: str) -> str:
    """Return why BuildKit refuses `text`, "" where it makes a graph of it."""
    folder = marshal(scratch().mkfile("/Dockerfile", text.encode()))
    request = pb.SolveRequest(
        Frontend="dockerfile.v0",
        FrontendInputs={"dockerfile": folder, "context": folder},
        allowResultReturn=True,
        allowResultArrayRef=True,
    )
    try:
        gateway._call("Solve", request, pb.SolveResponse)
    except BuildKitError as error:
        return error.detail or error.message
    return ""


def ours(text: str) -> str:
    """Return why our reader refuses `text`, "" where it reads it; nothing is missing in its folder."""
    try:
        read(Source(text, "Containerfile", lambda path: True), lambda image: BASE)
    except WorkbenchError as error:
        return error.message
    return ""
