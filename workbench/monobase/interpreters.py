"""Which Python builds and runs an environment: below the prefix, named, or the system's; never one in a home folder."""

from __future__ import annotations

import glob
import json
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.errors import UsageError, WorkbenchError
from workbench.monobase.prefix import Prefix
from workbench.monobase.uv import Uv

_PROBE = """
import json, sys, sysconfig
print(json.dumps([
    getattr(sys, "_base_executable", sys.executable),
    "%d.%d.%d" % sys.version_info[:3] + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
    sys.implementation.cache_tag, str(sysconfig.get_config_var("SOABI")), sysconfig.get_platform(),
]))
"""
_MINOR = re.compile(r"[1-9]\.[0-9]{1,2}t?")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs: its path, "3.12.1" ("3.13.1t": free-threaded), "cpython-312", what modules are made for."""

    path: str
    version: str
    tag: str
    abi: str
    platform: str

    @property
    def minor(self) -> str:
        """The "3.12" of its version, or "3.13t"."""
        return short_python(self.version)

    @property
    def kind(self) -> str:
        """What decides which wheels fit it, and what bytecode it reads."""
        return f"{self.tag} {self.abi} {self.platform}"


class InterpreterMissingError(WorkbenchError):
    """No such Python is on this machine."""


def probe(path: str) -> Interpreter | None:
    """Return the interpreter at `path`, or None when there is none that runs.

    Its `path` is the one that it reports itself: `path` may be a script that chooses one, or in a virtual environment.
    """
    try:
        done = subprocess.run([path, "-I", "-S", "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False)
        found = Interpreter(*json.loads(done.stdout)) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError):
        return None
    return replace(found, path=_with_version(found)) if found is not None else None


def _with_version(found: Interpreter) -> str:
    """Return a path of the same program that names its version: /usr/bin/python3 is another Python in another image."""
    folder, name = os.path.split(found.path)
    for path in (os.path.join(folder, f"python{found.minor}"), os.path.realpath(found.path)):
        if name.endswith(found.minor):
            break
        if os.path.basename(path) == f"python{found.minor}" and _is_same(path, found.path):
            return path
    return found.path


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def named_interpreters(arguments: Sequence[str]) -> dict[str, str]:
    """Return the paths by version of `--python 3.12=/path/to/python` arguments; raises UsageError."""
    found = {}
    for argument in arguments:
        minor, sign, path = argument.partition("=")
        if not (sign and _MINOR.fullmatch(minor) and os.path.isabs(path)):
            raise UsageError(f"{argument!r} does not name a Python", hint="write it as 3.12=/full/path/to/python3.12")
        found[minor] = path
    return found


def find(prefix: Prefix, minor: str, by_name: Mapping[str, str]) -> Interpreter:
    """Return the Python for environments of `minor` ("3.12").

    The one that `by_name` gives, else uv's below the prefix (the newest), else the system's. Raises
    WorkbenchError when the given one is another version, and InterpreterMissingError when there is none.
    """
    if minor in by_name:
        found = probe(by_name[minor])
        if found is None or found.minor != minor:
            reason = f"it is {found.version}" if found else "it does not run"
            raise WorkbenchError(f"this is not Python {minor}: {reason}", where=by_name[minor])
        return found
    rejected = ""
    for path in _candidates(prefix, minor):
        found = probe(path)
        if found is None or found.minor != minor:
            continue
        if home := in_home(found.path):
            rejected = f"; {found.path} is in a home folder ({home}), which other users cannot enter"
            continue
        return found
    raise InterpreterMissingError(
        f"no Python {minor} on this machine{rejected}",
        hint=f"install one, let uv fetch it with --fetch-pythons, or name one: --python {minor}=/path/to/python{minor}",
    )


def fetch(prefix: Prefix, uv: Uv, full: str) -> Interpreter:
    """Let uv fetch the Python `full` ("3.12.10") below the prefix; raises WorkbenchError with uv's words."""
    about = f"fetching Python {full}"
    uv.run("python", "install", full, "--no-bin", "--install-dir", uv.pythons, about=about)
    return find(prefix, short_python(full), {})


def in_home(path: str) -> str:
    """Return the home folder that the interpreter at `path` really is in, "" when it is in none."""
    real = os.path.realpath(path)
    homes = {os.path.expanduser("~"), "/root", "/home"}
    try:
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        pass  # a user without a name, as containers have them
    # Some users' home is / or a folder of the system: an interpreter there is not theirs.
    ours = {os.path.realpath(home) for home in homes} - {"/", "/usr", "/usr/local", "/opt", "/srv", "/var"}
    return next((home for home in sorted(ours) if real.startswith(f"{home}/")), "")


def _candidates(prefix: Prefix, minor: str) -> Iterator[str]:
    short = minor.removesuffix("t")
    managed = glob.glob(prefix.below("uv", "python", f"cpython-{short}.*", "bin", f"python{minor}"))
    yield from sorted(managed, key=_numbers, reverse=True)
    for folder in ("/opt/app-root/bin", "/usr/local/bin", "/usr/bin"):
        yield from (os.path.join(folder, name) for name in (f"python{minor}", "python3"))
    if path := shutil.which(f"python{minor}"):
        yield path


def short_python(full: str) -> str:
    """Return the short name of a full version: "3.12.1" is 3.12, and "3.13.1t" 3.13t."""
    return full.rpartition(".")[0] + ("t" if full.endswith("t") else "")


def _numbers(path: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path)]
