"""The packages that a recipe installs: Python's from its locked lists, the operating system's by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packaging.markers import InvalidMarker, Marker

from workbench.attest.package import PYPI, VSCODE, Package, joined
from workbench.commands import here
from workbench.compose.files import OS_PACKAGES
from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.parser import instructions
from workbench.errors import WorkbenchError
from workbench.extensions import archives_in
from workbench.indexes import index_variables
from workbench.packages import installed_lists as lists_in_command
from workbench.packages import marker_environment, normalized_name, requirement_lines

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==(?P<version>[^\s;]+)\s*(?:;(?P<marker>.*?))?")
_HASH = re.compile(r"\s--hash=sha256:([0-9a-f]{64})\b")


def locked_packages(files: Mapping[str, bytes], python: str) -> list[Package]:
    """Return what the recipe with these files installs, its Python being `python` ("3.11").

    Packages of the operating system have a name only: which version comes is the mirror's choice.
    Raises WorkbenchError, with file and line, for a requirement that pins nothing.
    """
    found: list[Package] = []
    for path in installed_lists(files):
        found += _pins(path, files[path].decode(), python)
    for path, data in files.items():
        if path.rpartition("/")[2] == OS_PACKAGES:
            names = (line.strip() for line in data.decode().splitlines())
            found += [Package("", name, origins=(path,)) for name in names if name and not name.startswith("#")]
    return joined([*found, *_extensions(files[CONTAINERFILE].decode())])


def _extensions(containerfile: str) -> Iterator[Package]:
    """Yield the extensions of VS Code that a Containerfile installs on x86-64, as for `_applies`."""
    for item in instructions(containerfile):
        if item.word == "RUN":
            for each in archives_in(item.command):
                if each.platform in ("", "linux-x64"):
                    publisher, _, name = each.name.lower().partition(".")
                    qualifiers = (("platform", each.platform),) if each.platform else ()
                    yield Package(
                        VSCODE, name, each.version, publisher, qualifiers, (each.sha256,), origins=(CONTAINERFILE,)
                    )


def installed_lists(files: Mapping[str, bytes]) -> list[str]:
    """Return the requirement lists of a recipe that its Containerfile installs, by their path in it."""
    wanted = {
        path.rpartition("/")[2]
        for item in instructions(files[CONTAINERFILE].decode())
        if item.word == "RUN"
        for path in lists_in_command(item.command)
    }
    return sorted(path for path in files if path.rpartition("/")[2] in wanted)


def _pins(path: str, text: str, python: str) -> Iterator[Package]:
    index = ""
    for number, requirement in requirement_lines(text):
        if requirement.startswith("-"):
            # `make lock` writes the packages of a further index below its line.
            index = next(iter(index_variables(requirement)), index)
            continue
        match = _PIN.fullmatch(_HASH.sub("", requirement).strip())
        if match is None:
            raise WorkbenchError(
                f"pins no version: {requirement}", where=f"{path}:{number}", hint=f"lock it: `{here('lock')}`"
            )
        if _applies(match["marker"], python, f"{path}:{number}"):
            hashes = tuple(sorted(_HASH.findall(requirement)))
            name = normalized_name(match["name"])
            yield Package(PYPI, name, match["version"], hashes=hashes, origins=(path,), index=index)


def _applies(marker: str | None, python: str, where: str) -> bool:
    """Return whether a requirement's marker holds in an image: Linux, x86-64, the newest z of `python`."""
    if not marker:
        return True
    try:
        return Marker(marker).evaluate(marker_environment(python))
    except InvalidMarker as error:
        raise WorkbenchError(f"has a marker that cannot be read: {error}", where=where) from None
