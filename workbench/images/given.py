"""What a user gives to single steps of a build, and to nothing else: secrets and ssh agents, by id."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from workbench.errors import UsageError, WorkbenchError
from workbench.files import is_socket

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_AGENT = "SSH_AUTH_SOCK"


def secrets_of(words: Sequence[str]) -> dict[str, str]:
    """Return the files by id of words such as `key=key.txt`; raises UsageError, and WorkbenchError for no file."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or not path:
            raise UsageError(f"--secret {word} is no secret", hint="write ID=FILE: --secret key=key.txt")
        _add(found, "--secret", name, path)
        if not os.path.isfile(path):
            raise WorkbenchError(f"the secret {name} cannot be read: this is no file", where=path)
    return found


def agents_of(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the sockets of agents by id of words such as `default` and `ci=/run/agent`.

    A word without a socket is the agent that `SSH_AUTH_SOCK` names in the `environment`. Raises UsageError, and
    WorkbenchError for no socket.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, path = word.partition("=")
        path = path if equals else environment.get(_AGENT, "")
        _add(found, "--ssh", name, path)
        if not path:
            raise WorkbenchError(f"--ssh {name}: {_AGENT} names no agent", hint='eval "$(ssh-agent)" && ssh-add')
        if not is_socket(path):
            raise WorkbenchError(
                f"--ssh {name}: this is no socket of an agent", where=path, hint='eval "$(ssh-agent)" && ssh-add'
            )
    return found


def _add(found: dict[str, str], flag: str, name: str, path: str) -> None:
    if not _ID.fullmatch(name):
        raise UsageError(f"{flag}: {name!r} is no id", hint="use letters, digits, _ . and -")
    if name in found:
        raise UsageError(f"{flag} has {name} twice")
    # podman takes what stands behind a comma as another option.
    if "," in path:
        raise UsageError(f"{flag} {name}: the path has a comma", where=path)
    found[name] = path
