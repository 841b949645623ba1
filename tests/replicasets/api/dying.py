"""The service as a process that, when a file says so, ends itself or podman after so many calls of podman.

Started as `python -m tests.replicasets.api.dying FILE serve …`. FILE holds `PID N`: who is ended by SIGKILL, 0 for
the service itself, and after how many more calls that change something. The file is gone before that happens.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from workbench.cli import main
from workbench.replicasets.engines.podman.http import PodmanHttp

_LOCK = threading.Lock()


def counted(file: Path) -> None:
    """Count a call, and end whom the file names when it was the last."""
    with _LOCK:
        if not file.exists():
            return
        pid, left = map(int, file.read_text().split())
        if left > 1:
            file.write_text(f"{pid} {left - 1}")
            return
        file.unlink()
        os.kill(pid or os.getpid(), signal.SIGKILL)


def begin(file: Path, argv: list[str]) -> int:
    original = PodmanHttp.call

    def call(self: PodmanHttp, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        done = original(self, method, *args, **kwargs)
        if method != "GET":
            counted(file)
        return done

    PodmanHttp.call = call  # type: ignore[method-assign]
    return main(argv)


if __name__ == "__main__":
    sys.exit(begin(Path(sys.argv[1]), sys.argv[2:]))
