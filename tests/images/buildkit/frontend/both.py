"""One Containerfile through BuildKit's own frontend and through ours, on the same daemon."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import images_equal
from tests.images.buildkit.dockers import Lines
from tests.images_equal import Contents
from workbench.errors import WorkbenchError
from workbench.images.buildkit.graph_build import GraphBuild
from workbench.images.buildkit.llb.client import Daemon
from workbench.images.buildkit.llb.failures import BuildKitError
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.step_reporter import StepReporter
from workbench.images.network import Site
from workbench.images.request import BuildRequest

NAME = "localhost/both:1"


@dataclass(frozen=True)
class Both:
    """A daemon, and the two ways to build with it; `base` is an image that it can get, for `{base}` in a text."""

    daemon: Daemon
    base: str

    def ours(
        self,
        text: str,
        folder: Path,
        arguments: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        agents: Mapping[str, str] | None = None,
    ) -> Contents:
        """Build with our reader, and `secrets` (files) and `agents` (sockets) by id; raises WorkbenchError."""
        text = text.replace("{base}", self.base)
        request = BuildRequest(
            (NAME,), str(folder), text, arguments=arguments or {}, secrets=secrets or {}, agents=agents or {}
        )
        build = GraphBuild(request, Site(), StepReporter(Lines()), "", self.daemon)
        with tempfile.TemporaryDirectory() as scratch:
            archive = os.path.join(scratch, "image.tar")
            self.daemon.build(build.solve, exporter="docker", session=build.session(archive))
            return images_equal.of_archive(Path(archive))

    def theirs(
        self,
        text: str,
        folder: Path,
        arguments: Mapping[str, str] | None = None,
        agents: Mapping[str, str] | None = None,
    ) -> Contents:
        """Build with the daemon's own frontend; raises BuildKitError."""
        with tempfile.TemporaryDirectory() as scratch:
            archive = os.path.join(scratch, "image.tar")
            (Path(scratch) / "Containerfile").write_text(text.replace("{base}", self.base))
            session = Session(
                files={"context": str(folder), "dockerfile": scratch}, agents=agents or {}, output=archive
            )
            given = {f"build-arg:{name}": value for name, value in (arguments or {}).items()}
            self.daemon.solve_frontend(
                "dockerfile.v0", {"filename": "Containerfile", **given}, exporter="docker", session=session
            )
            return images_equal.of_archive(Path(archive))

    def differences(
        self,
        text: str,
        folder: Path,
        arguments: Mapping[str, str] | None = None,
        agents: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return how the two images differ, and what either refuses."""
        try:
            theirs = self.theirs(text, folder, arguments, agents)
        except BuildKitError as error:
            theirs, refusal = None, error.detail or error.message
        try:
            ours = self.ours(text, folder, arguments, agents=agents)
        except WorkbenchError as error:
            who = "only ours refuses" if theirs else "both refuse"
            return [f"{who}: {error.message} at {error.where}"]
        if theirs is None:
            return [f"only BuildKit's refuses: {refusal}"]
        return [str(one) for one in images_equal.differences(ours, theirs)]
