"""Building one image and reporting how it went: what every verb that builds goes through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from workbench.errors import WorkbenchError
from workbench.images.builder import Builder, Built
from workbench.images.podman.builder import PodmanBuilder
from workbench.images.progress import DEFAULT_LOGS, BuildProgress
from workbench.images.request import BuildRequest
from workbench.locations import ROOT
from workbench.process import interruptible, notified


@dataclass(frozen=True, slots=True)
class FinishedBuild:
    """An image that was built, how many seconds it took and where its log is."""

    built: Built
    seconds: float
    log: str

    def as_data(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {"image": self.built.image, "id": self.built.id, "seconds": round(self.seconds, 1), "log": self.log}


def run_build(
    request: BuildRequest,
    *,
    logs: str = DEFAULT_LOGS,
    quiet: bool = False,
    to: TextIO | None = None,
    builder: Builder | None = None,
    catalogue: str = str(ROOT),
) -> FinishedBuild:
    """Build the image that `request` describes, showing its steps on `to` (standard error) unless `quiet`.

    Raises WorkbenchError whose hint names the log; its last lines have been shown by then. It says why the step
    failed where that can be read from them, with the file of the `catalogue` that is to blame.
    KeyboardInterrupt passes through once everything has stopped.
    """
    progress = BuildProgress(request.tag, logs, text=request.text, quiet=quiet, to=to)
    try:
        with progress, interruptible(), notified(progress.stopping):
            built = (builder or PodmanBuilder()).build(request, progress)
    except WorkbenchError as error:
        if not progress.last:
            raise
        progress.show_failure()
        message, where, hint = error.message, error.where, error.hint
        if cause := progress.causes.cause(request.folder, catalogue):
            message, where, hint = f"{cause.says}: {message}", cause.where or where, hint or cause.hint
        hint = f"{hint}; " if hint else ""
        raise WorkbenchError(message, where=where, hint=f"{hint}the whole log is {progress.log}") from None
    except KeyboardInterrupt:
        progress.show(f"stopped: {request.names[0]} was not made or changed; the log is {progress.log}")
        raise
    progress.show(f"built {built.image} in {progress.seconds():.1f} s")
    return FinishedBuild(built, progress.seconds(), progress.log)
