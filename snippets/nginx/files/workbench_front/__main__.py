"""Start the IDE's server and nginx before it, until one of them or the platform ends it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from workbench_front.access import Access
from workbench_front.activity import Activity
from workbench_front.login import AccessServer
from workbench_front.nginx import configuration
from workbench_front.probes import ProbeServer
from workbench_front.settings import Settings, SettingsError, settings
from workbench_front.supervise import Supervisor


def main() -> int:
    """Run the front and return the exit status: the server's own, 2 for wrong settings."""
    try:
        chosen = settings(sys.argv[1:], os.environ)
    except SettingsError as error:
        print(f"workbench-front: {error}", file=sys.stderr)
        return 2
    for line in [*chosen.notes, _entry(chosen)]:
        print(f"workbench-front: {line}", file=sys.stderr, flush=True)
    # What runs in the IDE needs no token, and `env` in a notebook should not show it.
    os.environ.pop("WORKBENCH_TOKEN", None)
    # A new folder at every start, so that nothing is rewritten in place and any user ID may write to it.
    with tempfile.TemporaryDirectory(prefix="workbench-front-") as name:
        folder = Path(name)
        activity = Activity(chosen.server_port, chosen.idle_seconds)
        activity.listen(folder / "log.sock")
        ProbeServer(folder / "probes.sock", chosen, activity).start()
        if chosen.token:
            access = Access(chosen.token, chosen.hosts)
            AccessServer(folder / "access.sock", chosen.name, chosen.prefix, access).start()
        (folder / "nginx.conf").write_text(configuration(chosen, folder))
        # -e: the log that nginx was compiled for is not ours to write, and it would open it first.
        nginx = ["nginx", "-e", "stderr", "-p", name, "-c", str(folder / "nginx.conf")]
        return Supervisor().run(chosen.command, nginx)


def _entry(chosen: Settings) -> str:
    """Return how one gets in, for the log; a token that was given is not repeated there."""
    if not chosen.token:
        return "the platform decides who gets in: no token is needed"
    address = f"http://127.0.0.1:{chosen.port}{chosen.prefix}/?token="
    if not chosen.generated:
        return f"open {address}… with the token of WORKBENCH_TOKEN, and the port that was published"
    return f"open {address}{quote(chosen.token, safe='')} with the port that was published"


if __name__ == "__main__":
    sys.exit(main())
