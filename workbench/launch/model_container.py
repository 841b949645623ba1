"""A model that runs in a container until it is no longer needed, and is removed then whatever happens."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.images.labels import ACCELERATOR_LABEL, OWN
from workbench.images.podman.store import PODMAN
from workbench.images.store import required
from workbench.launch.abandoned import owner_option, remove_abandoned
from workbench.launch.containers import start_container
from workbench.launch.gpus import gpu_options
from workbench.launch.model_log import ModelLog
from workbench.launch.ports import check_port, free_ports
from workbench.models.model import Model
from workbench.notes import print_note
from workbench.process import captured, interruptible, notified

# The container's label: the image's name.
LABEL = f"{OWN}.running-model"
# Where cog's server listens, and where it is looked for first outside, as by cog (0.23.1, "cog serve").
PORT, FIRST = 5000, 8393
_POLL_SECONDS = 0.1
# After so long a line says what is waited for: many setups print nothing.
_SILENT_SECONDS = 5.0
# What the server does when it ends takes no time; a model whose setup has only begun hears of no signal yet.
_STOP_SECONDS = 2
_OVER = ("SETUP_FAILED", "DEFUNCT")
_READY = ("READY", "BUSY")
_PREFIX = "MONOBASE_PREFIX"
# This machine's own address never goes through a proxy.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class ModelRun:
    """How a model is run: its variables, the port (0: any free one), whether it gets GPUs, how long its setup may take,
    and the command in place of the image's; `quiet` shows no log, `server` the server's own warnings too.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    gpus: bool = True
    setup_seconds: float = 300.0
    command: Sequence[str] = ()
    quiet: bool = False
    server: bool = False


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A model that is ready: the name of its container, its port on loopback, and its log."""

    container: str
    port: int
    log: ModelLog

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def ended(self) -> str:
        """Return why it does not run any more, "" while it does."""
        done = _podman("container", "inspect", "--format", "{{json .State}}", "--", self.container)
        state: Mapping[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {"Status": "gone"}
        if state["Status"] in ("running", "created", "stopping"):
            return ""
        memory = ", for want of memory" if state.get("OOMKilled") else ""
        return f"it ended with exit code {state.get('ExitCode', 'unknown')}{memory}"


@contextmanager
def running_model(model: Model, run: ModelRun) -> Iterator[RunningModel]:
    """Start the image of `model`, wait until its setup is done, and yield it; it is stopped and removed afterwards.

    Its log is shown meanwhile. Raises WorkbenchError when it does not start, when its setup fails (with the setup's own
    log), takes too long, or the model ends.
    """
    if run.port:
        check_port(run.port)
    info = required(PODMAN, model.name)
    devices, note = gpu_options(info.labels.get(ACCELERATOR_LABEL, "")) if run.gpus else ([], "")
    if note:
        print_note(note)
    remove_abandoned()
    container = f"model-{secrets.token_hex(6)}"
    log: ModelLog | None = None
    with interruptible(), notified(lambda: None if run.quiet else _stopping()):
        try:
            port = start_container(
                container,
                model.name,
                # podman logs follows such a file everywhere; of a journal that only some may read it shows nothing.
                [f"--label={LABEL}={model.name}", owner_option(), "--log-driver=k8s-file", *monobase_options(model)],
                run.command,
                inside=PORT,
                ports=[run.port] if run.port else free_ports(FIRST),
                devices=devices,
                environment=run.variables,
            )
            log = ModelLog(container, quiet=run.quiet, server=run.server)
            running = RunningModel(container, port, log)
            _wait_until_ready(running, run.setup_seconds)
            yield running
        finally:
            # The last lines of the log are there when the container has ended, and gone with it.
            _podman("stop", "--ignore", f"--time={_STOP_SECONDS}", container)
            if log is not None:
                log.end()
            _podman("rm", "--force", "--ignore", "--time=0", container)


def _podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run podman where a Ctrl-C at the terminal does not reach it: it would leave the container."""
    return captured([podman.program(), *arguments], cwd="/", env=os.environ)


def _stopping() -> None:
    print("stopping…", file=sys.stderr, flush=True)


def monobase_options(model: Model) -> list[str]:
    """Return podman's options for the environments of a weightless model; raises WorkbenchError without them here."""
    prefix = model.base.variables.get(_PREFIX, "") if model.base.generation else ""
    if not prefix:
        return []
    if not os.path.isdir(prefix):
        raise WorkbenchError(f"{model.name} has no packages: it needs those of monobase, and {prefix} is not here")
    return [f"--volume={prefix}:{prefix}:ro"]


def health(port: int) -> dict[str, Any]:
    """Return the answer of a model's health check; {} while nobody answers."""
    try:
        with DIRECT.open(f"http://127.0.0.1:{port}/health-check", timeout=5) as response:
            found = json.load(response)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _wait_until_ready(running: RunningModel, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    patient_until = time.monotonic() + _SILENT_SECONDS
    while (status := (found := health(running.port)).get("status")) not in _READY:
        if status in _OVER:
            reason = setup_reason(found)
            raise WorkbenchError(f"the setup of the model failed{': ' if reason else ''}{reason}{_shown(running.log)}")
        if not found and (ended := running.ended()):
            running.log.end()
            raise WorkbenchError(f"the model does not start: {ended}{_lines(running.log)}")
        if time.monotonic() > patient_until and not running.log.is_quiet:
            patient_until = deadline
            print(f"waiting for the setup of the model, for {seconds:g} s at most…", file=sys.stderr, flush=True)
        if time.monotonic() > deadline:
            raise WorkbenchError(
                f"the setup of the model did not end within {seconds:g} s{_shown(running.log)}",
                hint="give it longer with --setup-timeout SECONDS",
            )
        time.sleep(_POLL_SECONDS)


def setup_reason(found: Mapping[str, Any]) -> str:
    """Return why a setup failed: what its log says last, without the words that each layer of the server adds."""
    setup = found.get("setup")
    lines = str(setup.get("logs") or "").strip().splitlines() if isinstance(setup, dict) else []
    return lines[-1].rpartition("etup failed: ")[2] if lines else ""


def _lines(log: ModelLog) -> str:
    return "".join(f"\n  | {line}" for line in log.last)


def _shown(log: ModelLog) -> str:
    """Return the log for an error; nothing where it was shown already."""
    return _lines(log) if log.is_quiet else ""
