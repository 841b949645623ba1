"""Start the IDE's server and nginx before it, until one of them or the platform ends it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from workbench_front.activity import Activity
from workbench_front.nginx import configuration
from workbench_front.probes import ProbeServer
from workbench_front.settings import SettingsError, settings
from workbench_front.supervise import Supervisor


def main() -> int:
    """Run the front and return the exit status: the server's own, 2 for wrong settings."""
    try:
        chosen = settings(sys.argv[1:], os.environ)
    except SettingsError as error:
        print(f"workbench-front: {error}", file=sys.stderr)
        return 2
    # A new folder at every start, so that nothing is rewritten in place and any user ID may write to it.
    with tempfile.TemporaryDirectory(prefix="workbench-front-") as name:
        folder = Path(name)
        activity = Activity(chosen.server_port, chosen.idle_seconds)
        activity.listen(folder / "log.sock")
        ProbeServer(folder / "probes.sock", chosen, activity).start()
        (folder / "nginx.conf").write_text(configuration(chosen, folder))
        # -e: the log that nginx was compiled for is not ours to write, and it would open it first.
        nginx = ["nginx", "-e", "stderr", "-p", name, "-c", str(folder / "nginx.conf")]
        return Supervisor().run(chosen.command, nginx)


if __name__ == "__main__":
    sys.exit(main())
