"""Who may do what: tokens with a role and a quota. The service keeps their hashes, never themselves."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from workbench.errors import WorkbenchError
from workbench.files import replace_text
from workbench.replicasets.codec import decode
from workbench.replicasets.quantities import memory, size
from workbench.replicasets.values import Quota, Role

FILE = "tokens.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,47}")


@dataclass(frozen=True, slots=True)
class Token:
    """A token: whose it is, its role, its SHA-256, and what its sets and volumes may hold in all."""

    name: str
    role: Role
    sha256: str
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True, slots=True)
class _File:
    tokens: tuple[Token, ...]


def token_path(folder: str, role: str) -> str:
    """Return where the first token of a role was handed over: a file for whoever owns the folder."""
    return os.path.join(folder, f"{role}.token")


def parse_quota(text: str) -> Quota:
    """Return the quota that `sets=3,gpus=2,memory=16GB,volumes=2,disk=100GB` stands for; raises WorkbenchError."""
    found: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name == "memory":
            found[name] = memory(value)
        elif name == "disk":
            found[name] = size(value)
        elif name in ("sets", "gpus", "volumes") and value.isascii() and value.isdigit() and len(value) < 10:
            found[name] = int(value)
        else:
            raise WorkbenchError(
                f"{part!r} is no part of a quota", hint="write sets=3,gpus=2,memory=16GB,volumes=2,disk=100GB"
            )
    return Quota(**found)


class Tokens:
    """The tokens in a state folder. Its file is read again when it changes: one added later counts at once."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._path = os.path.join(folder, FILE)
        self._lock = threading.Lock()
        self._loaded: tuple[int, int] = (0, 0)
        self._tokens: tuple[Token, ...] = ()

    def begin(self) -> list[str]:
        """Make the folder and a token of each role where there are none; return the files they are in.

        A service of before there were owners has none of the role admin, and gets one.
        """
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        known = self.all() if os.path.exists(self._path) else ()
        roles = [Role.ADMIN] if known else list(Role)
        if any(token.role is Role.ADMIN or token.name == "first.admin" for token in known):
            return []
        made = []
        for role in roles:
            plain = self.add(f"first.{role}", role)
            replace_text(token_path(self.folder, role), f"{plain}\n", mode=0o600, sync=True)
            made.append(token_path(self.folder, role))
        return made

    def add(self, name: str, role: Role, quota: Quota = Quota()) -> str:  # noqa: B008  frozen
        """Make a token and return it: this is the only time that it can be seen."""
        if not _NAME.fullmatch(name):
            raise WorkbenchError(f"{name[:60]!r} cannot name a token", hint="letters, digits, _ . -, at most 48")
        known = self.all() if os.path.exists(self._path) else ()
        if any(token.name == name for token in known):
            raise WorkbenchError(f"there is a token {name} already", hint=f"its hash is in {self._path}")
        # By themselves one in 64 begins with "-", and no command line takes that for the value of a flag.
        plain = f"wb_{secrets.token_urlsafe(32)}"
        self._save((*known, Token(name, role, _hash(plain), quota)))
        return plain

    def all(self) -> tuple[Token, ...]:
        """Return the tokens; raises WorkbenchError when their file cannot be read."""
        with self._lock:
            try:
                status = os.stat(self._path)
                if (status.st_mtime_ns, status.st_ino) != self._loaded:
                    with open(self._path, encoding="utf-8") as file:
                        self._tokens = decode(_File, file.read()).tokens
                    self._loaded = (status.st_mtime_ns, status.st_ino)
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise WorkbenchError(f"the tokens cannot be read: {error}", where=self._path) from None
            return self._tokens

    def find(self, plain: str) -> Token | None:
        """Return the token that `plain` is, in constant time."""
        wanted = _hash(plain)
        found = None
        for token in self.all():
            if hmac.compare_digest(token.sha256, wanted):
                found = token
        return found

    def quota(self, name: str) -> Quota:
        """Return what sets of that owner may hold: no limit for an owner without a token."""
        return next((token.quota for token in self.all() if token.name == name), Quota())

    def _save(self, tokens: Sequence[Token]) -> None:
        text = json.dumps({"tokens": [asdict(token) for token in tokens]}, indent=2) + "\n"
        replace_text(self._path, text, mode=0o600, sync=True)


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
