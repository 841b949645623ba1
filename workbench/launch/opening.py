"""Until a workbench responds, and then in a browser."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
import webbrowser
from contextlib import suppress

from workbench import podman
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.launch.workbenches import Workbench, find

# A cold start of a large IDE on a slow disk.
_SECONDS = 180.0
_POLL_SECONDS = 0.25
_LAST_LINES = 15
# podman's words for a container whose program has ended a moment ago.
_ENDING = ("stopping", "stopped")
_END_SECONDS = 20.0
# This machine's own address never goes through a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait_until_open(workbench: Workbench, seconds: float = _SECONDS) -> None:
    """Wait until the workbench responds to its probe.

    Raises WorkbenchError, with the last lines of its log, when it ends before that or takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    while reason := _no_response(workbench.port):
        now = find(workbench.name)
        if now is not None and now.state in _ENDING:
            # Its exit code and the end of its log are there once podman has cleaned up after it.
            with suppress(WorkbenchError):
                podman.run("wait", workbench.container, seconds=_END_SECONDS)
            now = find(workbench.name)
        if now is None or not now.is_running:
            state = now.state if now else "gone"
            raise WorkbenchError(
                f"the workbench {workbench.name} does not run: it is {state}{_log(workbench)}",
                hint=f"`podman logs {workbench.container}` has all of it",
            )
        if time.monotonic() > deadline:
            raise WorkbenchError(
                f"the workbench {workbench.name} did not respond within {seconds:g} s ({reason}){_log(workbench)}",
                hint=f"it still runs: `podman logs --follow {workbench.container}`, "
                f"or `{here(f'stop {workbench.name}')}`",
            )
        time.sleep(_POLL_SECONDS)


def _no_response(port: int) -> str:
    """Return why nobody is there yet, "" when somebody is."""
    try:
        # The probe of every IDE (docs/catalogue.md): it needs no login.
        with _DIRECT.open(f"http://127.0.0.1:{port}/api", timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        # Whoever asks for a login is there.
        return "" if error.code in (401, 403) else f"the last answer was {error.code} {error.reason}"
    except (OSError, ValueError) as error:
        return f"port {port}: {getattr(error, 'reason', None) or error}"


def _log(workbench: Workbench) -> str:
    done = podman.run("logs", f"--tail={_LAST_LINES}", workbench.container)
    text = (done.out + done.err).replace(workbench.token, "…") if workbench.token else done.out + done.err
    return "".join(f"\n  | {line}" for line in text.splitlines()[-_LAST_LINES:]) if done.code == 0 else ""


def has_display() -> bool:
    """Return whether there is a display that a browser could open a window on, or BROWSER names a program."""
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def open_in_browser(address: str) -> bool:
    """Open the address in the user's browser; return whether there was one."""
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
