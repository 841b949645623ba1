"""Does a base image keep its promises? Checked in a running container, in any POSIX shell."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.images.base_chain import command_to_make
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore

APP_ROOT = "/opt/app-root"
HOME = "/opt/app-root/src"
# The user that an image runs as, and one as a platform picks it: any number, group 0.
USERS = ("1001", "12345:0")

# Nothing is compared in the shell: it only prints what it finds, one `KEY VALUE` a line.
_SCRIPT = """\
set -u
echo "user $(id -u):$(id -g)"
echo "folder $(pwd)"
for name; do
    if found=$(command -v -- "$name"); then echo "command $name $found"; else echo "missing $name"; fi
done
echo "python $(python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1 | tail -n 1)"
packages=$(python -c 'import site; print(site.getsitepackages()[0])' 2>/dev/null)
for folder in "$APP_ROOT_CHECKED" "$APP_ROOT_CHECKED/src" "${packages:-/nowhere}"; do
    probe=$folder/.validate-probe
    if (: >"$probe") 2>/dev/null; then echo "writable $folder"; rm -f "$probe"; else echo "readonly $folder"; fi
done
if pip --version >/dev/null 2>&1 && pip check >/dev/null 2>&1; then echo "pip works"; else echo "pip broken"; fi
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: what, whether it holds, what was observed."""

    what: str
    holds: bool
    observed: str

    def as_data(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {"check": self.what, "ok": self.holds, "seen": self.observed}


def validate(image: str, commands: tuple[str, ...], python: str, store: ImageStore = PODMAN) -> list[Check]:
    """Return what was found in the `image` of `store`: its settings, then as each of USERS the commands
    of the operating system, the Python (as 3.11) and whether it can install packages.

    Containers run without network and are removed. Raises WorkbenchError when the image is not
    here or does not start.
    """
    info = store.inspect(image)
    if info is None:
        raise WorkbenchError(
            f"the image {image} is not on this machine",
            hint=f"make it with {command_to_make(image) or '`' + here('base --help') + '`'}",
        )
    checks = [
        _equal("user of the image", info.config.get("User", ""), "1001"),
        _equal("folder of the image", info.config.get("WorkingDir", ""), HOME),
    ]
    for user in USERS:
        checks += _as_user(store, image, user, commands, python)
    return checks


def _as_user(store: ImageStore, image: str, user: str, commands: tuple[str, ...], python: str) -> list[Check]:
    command = ("sh", "-c", _SCRIPT, "sh", *commands)
    completed = store.run(image, command, user=user, environment={"APP_ROOT_CHECKED": APP_ROOT}, seconds=120)
    if completed.code != 0:
        raise WorkbenchError(f"{image} does not run as user {user}: {completed.reason}")
    return read_report(completed.out, user, python)


def read_report(text: str, user: str, python: str) -> list[Check]:
    """Return the checks that the container's lines amount to, for the user it ran as."""
    checks = []
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == "user":
            expected = user if ":" in user else f"{user}:0"
            checks.append(_equal(f"as {user}: user and group", value, expected))
        elif key == "folder":
            checks.append(_equal(f"as {user}: folder", value, HOME))
        elif key in ("command", "missing"):
            name, _, found = value.partition(" ")
            checks.append(Check(f"as {user}: command {name}", key == "command", found or "not found"))
        elif key == "python":
            checks.append(_equal(f"as {user}: Python", value, python))
        elif key in ("writable", "readonly"):
            checks.append(Check(f"as {user}: may write {value}", key == "writable", key))
        elif key == "pip":
            checks.append(Check(f"as {user}: pip", value == "works", value))
    if not any(check.what.endswith("pip") for check in checks):
        checks.append(Check(f"as {user}: the checks ran to their end", False, "the shell stopped early"))
    return checks


def _equal(what: str, observed: object, expected: str) -> Check:
    return Check(
        what,
        observed == expected,
        f"{observed}" if observed == expected else f"{observed or 'nothing'}, expected {expected}",
    )
