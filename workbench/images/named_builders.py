"""Builders that a site has names for: one BuildKit, or several of which the least busy builds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.catalog.toml_file import read_toml_file
from workbench.errors import UsageError, WorkbenchError
from workbench.names import NAME_RULE, is_name, pick

# The variable that names the file; without it, the file is where users keep their settings.
BUILDERS = "WORKBENCH_BUILDERS"
_USUAL = "workbench-images/builders.toml"
_SCHEMA = {"*": {"addresses": list, "certificates": str}}


@dataclass(frozen=True, slots=True)
class NamedBuilder:
    """The addresses of BuildKits, and the folder of certificates for those that speak TLS, "" where none does."""

    addresses: tuple[str, ...]
    certificates: str = ""


def builders_file(environment: Mapping[str, str] = os.environ) -> str:
    """Return the path of the file with the names, whether it exists or not."""
    settings = environment.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return environment.get(BUILDERS) or os.path.join(settings, _USUAL)


def named_builder(name: str, environment: Mapping[str, str] = os.environ) -> NamedBuilder | None:
    """Return the builder of this name, None when `name` is no name or there are none.

    Raises WorkbenchError for a name that the file lacks or a file that cannot be read, FaultsError with the lines of
    what is wrong in it, UsageError for an address that is none.
    """
    path = builders_file(environment)
    if not is_name(name) or not (os.path.exists(path) or environment.get(BUILDERS)):
        return None
    file = read_toml_file(path, _SCHEMA)
    for known in file:
        if not is_name(known):
            raise WorkbenchError(f"{known!r} cannot name a builder: {NAME_RULE}", where=path)
    try:
        data = file[pick(name, file, "builder")]
    except WorkbenchError as error:
        raise WorkbenchError(error.message, where=path, hint=error.hint) from None
    certificates = os.path.expanduser(data.get("certificates", ""))
    if certificates:
        certificates = os.path.join(os.path.dirname(os.path.abspath(path)), certificates)
    return NamedBuilder(_addresses(name, data.get("addresses", []), path), certificates)


def _addresses(name: str, texts: list[str], path: str) -> tuple[str, ...]:
    # Whoever builds with podman never loads what BuildKit needs.
    from workbench.images.buildkit.llb.address import parse

    if not texts:
        raise WorkbenchError(f"the builder {name} has no addresses", where=path)
    for text in texts:
        try:
            parse(text)
        except UsageError as error:
            raise UsageError(f"the builder {name}: {error.message}", where=path, hint=error.hint) from None
    return tuple(dict.fromkeys(texts))
