"""Locking an environment of a generation: which versions, and of each only the hashes of files that fit."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from workbench.errors import WorkbenchError
from workbench.indexes import address_of, index_line
from workbench.monobase.matrix import EnvironmentSpec
from workbench.monobase.requirements import LockedPackage, read_lock
from workbench.monobase.resolving import GLIBC, resolve
from workbench.monobase.uv import Uv
from workbench.packages import normalized_name

_LOCAL = re.compile(r"(?:manylinux_2_([0-9]+)|manylinux1|manylinux2010|manylinux2014|linux)_(\w+)")
# A file of uv's own, which has the name, the address and the hash of every file that fits (PEP 751).
_NAMED = "pylock.toml"
# How many versions are left out at most until every package has a file that fits.
_TRIES = 40


def lock_text(uv: Uv, environment: EnvironmentSpec, full: str, before: Path) -> str:
    """Return the text of the lock of an environment for the Python `full`; versions of the lock `before` are kept.

    Hashes of files for other machines are left out: they are nine tenths of what an index has. Raises WorkbenchError
    with uv's message, and when a package has no file that fits.
    """
    about = f"resolving {environment.name}"
    flags = _index_flags(environment, about)
    left_out: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, "lock.txt")
        if before.exists():
            shutil.copyfile(before, lock)
        while True:
            resolve(
                *(uv, _requirements(environment), (*environment.constraints, *left_out), full, lock),
                about=about,
                flags=flags,
                platform=environment.platform,
            )
            packages = read_lock(str(lock)).packages
            files = _files(uv, environment, full, packages, Path(folder), flags, about)
            blocks = {package.text.partition(" --hash=")[0]: _fitting(package, files) for package in packages}
            missing = [text for text, hashes in blocks.items() if not hashes]
            if not missing:
                break
            # uv resolved for a Python that takes other files: without these versions, until uv finds no more.
            left_out += [text.replace("==", "!=") for text in missing]
            if not full.endswith("t") or len(left_out) > _TRIES:
                what = f"Python {environment.python} on {environment.platform}"
                raise WorkbenchError(f"{about}: {missing[0]} has no wheel for {what}")
    lines = [index_line(environment.index)] if environment.index else []
    lines += [" \\\n    ".join([text, *(f"--hash={one}" for one in hashes)]) for text, hashes in blocks.items()]
    return "".join(f"{line}\n" for line in lines)


def _fitting(package: LockedPackage, files: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the hashes of a package's files that fit; all where nothing is known of its files."""
    hashes = package.text.split(" --hash=")[1:]
    known = files.get(package.name)
    return hashes if known is None else [one for one in hashes if one in known]


def _requirements(environment: EnvironmentSpec) -> list[str]:
    """Return what is required; of an index that has one build of torch, that build."""
    if not environment.index:
        return list(environment.requirements)
    tag = f"cu{environment.cuda.replace('.', '')}" if environment.cuda else "cpu"
    torch = f"torch=={environment.torch}"
    return [f"{torch}+{tag}" if one == torch else one for one in environment.requirements]


def _index_flags(environment: EnvironmentSpec, about: str) -> tuple[str, ...]:
    if not environment.index:
        return ()
    return (
        "--index",
        address_of(environment.index, about),
        "--index-strategy",
        "unsafe-best-match",
        "--no-emit-index-url",
    )


def _files(
    uv: Uv,
    environment: EnvironmentSpec,
    full: str,
    packages: Sequence[LockedPackage],
    folder: Path,
    flags: Sequence[str],
    about: str,
) -> dict[str, frozenset[str]]:
    """Return the hashes ("sha256:…") of the files that fit, by package."""
    pinned, named = folder / "pinned.in", folder / _NAMED
    pinned.write_text("".join(f"{package.text.partition(' --hash')[0]}\n" for package in packages))
    free = full.endswith("t")
    command = ["pip", "compile", str(pinned), "--no-deps", "--format", _NAMED, "--output-file", str(named), "--quiet"]
    command += ["--python", sys.executable, "--python-version", full.removesuffix("t"), "--only-binary", ":all:"]
    # uv knows a free-threaded Python only where one is installed: all files are listed for it, and chosen here.
    command += ["--universal"] if free else ["--python-platform", f"{environment.platform}-{GLIBC}"]
    uv.run(*command, *(flag for flag in flags if flag != "--no-emit-index-url"), about=about)
    found: dict[str, set[str]] = {}
    for package in tomllib.loads(named.read_text()).get("packages", ()):
        if "marker" in package and not Marker(package["marker"]).evaluate(_variables(environment, full)):
            continue
        name = normalized_name(package["name"])
        for wheel in package.get("wheels", ()):
            if not free or _fits(_name_of(wheel), environment):
                found.setdefault(name, set()).update(f"{kind}:{digest}" for kind, digest in wheel["hashes"].items())
        found.setdefault(name, set())
    return {name: frozenset(hashes) for name, hashes in found.items()}


def _name_of(wheel: Mapping[str, Any]) -> str:
    return str(wheel.get("name") or str(wheel.get("url") or wheel.get("path")).rpartition("/")[2])


def _variables(environment: EnvironmentSpec, full: str) -> dict[str, str]:
    version = full.removesuffix("t")
    return {
        "implementation_name": "cpython",
        "implementation_version": version,
        "os_name": "posix",
        "platform_machine": environment.platform,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": version,
        "python_version": version.rpartition(".")[0],
        "sys_platform": "linux",
    }


def _fits(name: str, environment: EnvironmentSpec) -> bool:
    """Return whether a free-threaded Python on that platform can use the wheel of that name (PEP 425, PEP 703)."""
    try:
        tags = parse_wheel_filename(name.replace("%2B", "+"))[3]
    except InvalidWheelFilename:
        return False
    return any(_is_tag(tag, environment) for tag in tags)


def _is_tag(tag: Tag, environment: EnvironmentSpec) -> bool:
    python = environment.python.removesuffix("t").replace(".", "")
    if (tag.interpreter, tag.abi) != (f"cp{python}", f"cp{python}t"):
        pure = tag.abi == "none" and (tag.interpreter in ("py3", f"py{python}", f"cp{python}"))
        if not pure:
            return False
    if tag.platform == "any":
        return True
    match = _LOCAL.fullmatch(tag.platform)
    glibc = int(GLIBC.rpartition("_")[2])
    return match is not None and match[2] == environment.platform and int(match[1] or 0) <= glibc


def unmet(pins: Mapping[str, str], expected: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each requirement of `expected` that `pins` do not meet, with the version that they have, "" for none."""
    from packaging.requirements import Requirement

    for text in expected:
        requirement = Requirement(text)
        version = pins.get(normalized_name(requirement.name), "")
        if not version or not requirement.specifier.contains(version, prereleases=True):
            yield text, version
