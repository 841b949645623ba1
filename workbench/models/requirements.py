"""What a model requires of Python packages: the lines of cog.yaml and of files of requirements, as pip reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement

from workbench.catalog.faults import Faults
from workbench.packages import is_package, marker_environment, normalized_name, requirement_lines

# Where packages are looked for (pip 26.0, "Requirements File Format", checked 2026-11-30).
_PLACES = {
    **dict.fromkeys(("-i", "--index-url", "--pypi-url"), "--index-url"),
    "--extra-index-url": "--extra-index-url",
    **dict.fromkeys(("-f", "--find-links"), "--find-links"),
}
_FILES = {**dict.fromkeys(("-r", "--requirement"), "-r"), **dict.fromkeys(("-c", "--constraint"), "-c")}
# How pip fetches and builds: exact versions with hashes are fetched here whatever these say.
_NO_EFFECT = (
    *("--prefer-binary", "--no-cache-dir", "--require-hashes", "--use-pep517", "--trusted-host", "--no-binary"),
    *("--only-binary", "--upgrade", "-U", "--use-feature", "--no-build-isolation", "--disable-pip-version-check"),
)
_OPTION = re.compile(r"(?:^|\s)(-{1,2}[A-Za-z][\w-]*)(?:[=\s]\s*([^\s-]\S*))?")
_HASHES = re.compile(r"\s--hash[=\s]\S+")
_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")
_ADDRESS = re.compile(r"(?:git\+(?:https|ssh|file)|https|file)://\S+")
_ARCHIVE = re.compile(r"\.(?:zip|tar\.gz|tgz|tar\.bz2|tar\.xz|whl)$")


@dataclass(slots=True)
class Requirements:
    """Requirements, constraints, and the options that say where packages are looked for."""

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def add(self, text: str) -> str:
        """Add a line of requirements that names no other file; return what is wrong with it, "" when nothing is."""
        plain = _HASHES.sub("", text).strip()
        if plain.startswith(("-e", "--editable")):
            plain = re.sub(r"^(?:-e|--editable)[=\s]*", "", plain)
        if re.match(r"-{1,2}[A-Za-z]", plain):
            plain = f" {plain}"
        rest = plain
        for match in _OPTION.finditer(plain):
            name, value = match[1], match[2] or ""
            if name in _PLACES and value:
                if complaint := _place(value):
                    return complaint
                self._option(f"{_PLACES[name]} {value}")
            elif name == "--pre":
                self._option("--pre")
            elif name not in _NO_EFFECT:
                return f"the option {name} is not supported"
            rest = rest.replace(match[0], " ", 1)
        if not rest.strip():
            return ""
        requirement, complaint = named(rest.strip())
        if requirement and requirement not in self.lines:
            self.lines.append(requirement)
        return complaint

    def _option(self, text: str) -> None:
        if text not in self.options:
            self.options.append(text)


def complaint_of(text: str) -> str:
    """Return what is wrong with a line of requirements."""
    return Requirements().add(text)


def named(text: str) -> tuple[str, str]:
    """Return a requirement in the form `name…` or `name @ address`, or "" and what is wrong with it.

    An address without a name gets the likely one: `plain` leaves it out again, for only the package itself tells.
    """
    address, _, marker = text.partition(" ;") if " ;" in text else text.partition("; ")
    if _ADDRESS.fullmatch(address.strip()):
        text = f"{_likely_name(address.strip())} @ {address.strip()}" + (f" ; {marker.strip()}" if marker else "")
    elif re.match(r"(?:\.{0,2}/|\.$|file:)", text) or (
        " @ " not in text and _ARCHIVE.search(text.partition(";")[0].strip())
    ):
        return "", f"{text!r} is a package in the model's folder: build a wheel of it, or name its folder in PYTHONPATH"
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        return "", f"{text!r} is not a requirement: {str(error).splitlines()[0]}"
    if requirement.url is None:
        return text, ""
    if _PASSWORD.search(requirement.url):
        return "", "an address with a password would be in the image: let git or the index take it from the environment"
    is_archive = _ARCHIVE.search(re.split(r"[#?]", requirement.url)[0])
    if not requirement.url.startswith("git+") and not (requirement.url.startswith("https://") and is_archive):
        return "", f"{text!r}: only git, or a wheel or archive at an https address, can be locked"
    return text, ""


def plain(text: str) -> str:
    """Return a requirement as it is resolved: an address without a name that was only likely."""
    requirement = Requirement(text)
    if requirement.url is None or requirement.extras or requirement.name != _likely_name(requirement.url):
        return text
    return f"{requirement.url} ; {requirement.marker}" if requirement.marker else requirement.url


def applies(text: str, python: str) -> bool:
    """Return whether a requirement is for a model's image: its Python ("3.11"), on Linux on x86_64."""
    marker = Requirement(text).marker
    return marker is None or marker.evaluate(marker_environment(python))


def read_files(folder: str, texts: Iterable[str], file: str, faults: Faults) -> Requirements:
    """Return the requirements `texts` and those of `file` (none when ""), with the files that it names in turn.

    Faults of the files go to `faults`, with their lines.
    """
    found = Requirements()
    for text in texts:
        found.add(text)
    if file:
        _read(folder, file, found, faults, [])
    return found


def _read(folder: str, file: str, found: Requirements, faults: Faults, above: list[str]) -> None:
    path = os.path.join(folder, file)
    try:
        with open(path, encoding="utf-8-sig") as opened:
            text = opened.read()
    except (OSError, UnicodeDecodeError) as error:
        faults.add(path, f"the requirements cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
        return
    for number, line in requirement_lines(text):
        option = _OPTION.match(line)
        if option is None or option[1] not in _FILES:
            complaint = found.add(line)
        else:
            complaint = _include(folder, file, _FILES[option[1]], option[2] or "", found, faults, above)
        if complaint:
            faults.add(f"{path}:{number}", complaint)


def _include(
    folder: str, file: str, kind: str, name: str, found: Requirements, faults: Faults, above: list[str]
) -> str:
    """Read a file that another one names; return what is wrong with that."""
    inner = os.path.normpath(os.path.join(os.path.dirname(file), name))
    if not name or "://" in name or os.path.isabs(name) or inner.split(os.sep)[0] == "..":
        return f"{name!r} is not a file below the model's folder"
    if inner in above or inner == file:
        return f"{name} names itself"
    if kind == "-r":
        _read(folder, inner, found, faults, [*above, file])
        return ""
    constraints = Requirements()
    _read(folder, inner, constraints, faults, [*above, file])
    found.constraints += [text for text in constraints.lines if text not in found.constraints]
    return ""


def _place(value: str) -> str:
    if _PASSWORD.search(value):
        return "an address with a password would be in the image: set it in UV_INDEX and PIP_EXTRA_INDEX_URL"
    okay = re.fullmatch(r"(?:https?|file)://\S+|\$\{\w+\}\S*", value)
    return "" if okay else f"{value!r} is not the address of an index"


def _likely_name(address: str) -> str:
    """Return the name that a package at an address likely has: that of its wheel, or of its repository."""
    if named_egg := re.search(r"[#&]egg=([\w.-]+)", address):
        return normalized_name(named_egg[1])
    path = re.split(r"[#?]", address)[0].removeprefix("git+").partition("://")[2]
    parts = [part for part in path.split("/")[1:] if part]
    if "archive" in parts[1:]:
        parts = parts[: parts.index("archive", 1)]
    last = parts[-1] if parts else ""
    stem = last.partition("-")[0] if last.endswith(".whl") else _ARCHIVE.sub("", last.partition("@")[0])
    name = normalized_name(stem.removesuffix(".git"))
    return name if is_package(name) else "package"
