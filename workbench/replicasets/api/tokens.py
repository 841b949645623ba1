"""Who may do what: tokens with a role and a quota. The service keeps their hashes, never themselves."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from workbench.errors import WorkbenchError
from workbench.files import replace_text
from workbench.locks import locked
from workbench.replicasets.api.token_texts import iso
from workbench.replicasets.codec import decode
from workbench.replicasets.values import Caller, Quota, Role

FILE = "tokens.json"
USED = "tokens-used.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,47}")
_USED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its name, which owns what is made with it, its role, its SHA-256, and what that owner may hold.

    Times are ISO 8601, "" for none: when it was made, when it expires, when it was revoked. After a rotation the
    secret of before counts until `former_until`.
    """

    name: str
    role: Role
    sha256: str
    quota: Quota = field(default_factory=Quota)
    created: str = ""
    expires: str = ""
    revoked: str = ""
    former: str = ""
    former_until: str = ""

    def refusal(self, now: datetime) -> str:
        """Return why it does not count now, "" when it does."""
        if self.revoked:
            return f"the token {self.name} was revoked on {self.revoked}"
        if _is_past(self.expires, now):
            return f"the token {self.name} expired on {self.expires}"
        return ""


@dataclass(frozen=True, slots=True)
class _File:
    tokens: tuple[Token, ...]


def token_path(folder: str, role: str) -> str:
    """Return where the first token of a role was handed over: a file for whoever owns the folder."""
    return os.path.join(folder, f"{role}.token")


def _now() -> datetime:
    return datetime.now(UTC)


class Tokens:
    """The tokens in a state folder. Its file is read again when it changes: what is changed later counts at once.

    `sees_all` is whether those of the role operate see what is others' too.
    """

    def __init__(self, folder: str, now: Callable[[], datetime] = _now, *, sees_all: bool = False) -> None:
        self.folder, self._sees_all = folder, sees_all
        self._path = os.path.join(folder, FILE)
        self._now = now
        self._lock = threading.Lock()
        self._loaded: tuple[int, int] = (0, 0)
        self._tokens: tuple[Token, ...] = ()
        self._used: dict[str, str] = {}
        self._written = now()

    def begin(self) -> list[str]:
        """Make the folder and a token of each role where there are none; return the files they are in.

        A service of before there were owners has none of the role admin, and gets one.
        """
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        known = self.all() if os.path.exists(self._path) else ()
        roles = [Role.ADMIN] if known else list(Role)
        if any(token.role is Role.ADMIN or token.name == "first.admin" for token in known):
            return []
        for role in roles:
            self._hand_over(role, self.add(f"first.{role}", role))
        return [token_path(self.folder, role) for role in roles]

    def add(self, name: str, role: Role, quota: Quota = Quota(), expires: str = "") -> str:  # noqa: B008  frozen
        """Make a token and return it: this is the only time that it can be seen. Raises WorkbenchError."""
        if not _NAME.fullmatch(name):
            raise WorkbenchError(f"{name[:60]!r} cannot name a token", hint="letters, digits, _ . -, at most 48")
        plain = _secret()
        with self._changing() as known:
            if (found := known.get(name)) is not None and found.revoked:
                hint = f"`token rotate {name}` gives its owner a new one, `token revoke {name} --forget` frees the name"
                raise WorkbenchError(f"there was a token {name}, and what it made is {name}'s still", hint=hint)
            if found is not None:
                raise WorkbenchError(
                    f"there is a token {name} already", hint=f"`token rotate {name}` gives it a new secret"
                )
            known[name] = Token(name, role, _hash(plain), quota, iso(self._now()), expires)
        return plain

    def rotate(self, name: str, until: str = "") -> str:
        """Give a token a new secret and return that; the one of before counts `until` then, or no more.

        A revoked token counts again. A token that has expired does so once it is given another expiry.
        """
        plain = _secret()
        with self._changing() as known:
            found = _one(known, name)
            former = found.sha256 if until and not found.revoked else ""
            new = replace(found, sha256=_hash(plain), revoked="", former=former, former_until=until if former else "")
            known[name] = new
        if name == f"first.{new.role}":
            self._hand_over(new.role, plain)
        return plain

    def revoke(self, name: str, forget: bool = False) -> None:
        """Let a token count no more, from now on. With `forget` its name and its quota are gone too."""
        with self._changing() as known:
            found = _one(known, name)
            if forget:
                del known[name]
            else:
                when = found.revoked or iso(self._now())
                known[name] = replace(found, sha256="", revoked=when, former="", former_until="")
        if name == f"first.{found.role}" and os.path.exists(path := token_path(self.folder, found.role)):
            os.unlink(path)

    def change(
        self, name: str, *, role: Role | None = None, quota: Quota | None = None, expires: str | None = None
    ) -> None:
        """Change what is not None of a token; its secret stays."""
        with self._changing() as known:
            found = _one(known, name)
            known[name] = replace(
                found,
                role=found.role if role is None else role,
                quota=found.quota if quota is None else quota,
                expires=found.expires if expires is None else expires,
            )

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
        """Return the token that `plain` is, in constant time. It may have expired: see Token.refusal."""
        wanted, now = _hash(plain), self._now()
        found = None
        for token in self.all():
            if hmac.compare_digest(token.sha256, wanted) or (
                hmac.compare_digest(token.former, wanted) and not _is_past(token.former_until, now)
            ):
                found = token
        return found

    def standing(self, name: str, sha256: str) -> Token | None:
        """Return the token of that name when it counts, and so does the secret with that hash; None otherwise."""
        now = self._now()
        for token in self.all():
            if token.name == name and not token.refusal(now):
                former = hmac.compare_digest(token.former, sha256) and not _is_past(token.former_until, now)
                return token if hmac.compare_digest(token.sha256, sha256) or former else None
        return None

    def allowed(self, plain: str) -> tuple[Token | None, str]:
        """Return the token that `plain` is and counts now, and that it was used; or None, and why not."""
        token, now = self.find(plain), self._now()
        reason = token.refusal(now) if token is not None else ""
        if token is None or reason:
            return None, reason
        self._used[token.name] = iso(now)
        if (now - self._written).total_seconds() > _USED_SECONDS:
            self.flush()
        return token, ""

    def flush(self) -> None:
        """Write down when tokens were used; that is done once a minute too. Nothing is lost without it but that."""
        self._written = self._now()
        try:
            replace_text(os.path.join(self.folder, USED), json.dumps(dict(self.used()) | self._used), mode=0o600)
        except OSError:
            pass  # the disk is full: the service has more to report than that

    def used(self) -> Mapping[str, str]:
        """Return when each token was last used, to the minute, by name."""
        try:
            with open(os.path.join(self.folder, USED), encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return {}
        return {str(name): str(when) for name, when in found.items()} if isinstance(found, dict) else {}

    def quota(self, name: str) -> Quota:
        """Return what sets of that owner may hold: no limit for an owner without a token."""
        return next((token.quota for token in self.all() if token.name == name), Quota())

    def caller(self, name: str, role: Role) -> Caller:
        """Return who requests what, with a token of that name and role: the one place where a caller is made."""
        return Caller(name, role, self.quota, self._sees_all)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        """Yield the tokens by name, and write them when the body has changed them; one process at a time."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with locked(f"{self._path}.lock"):
            known = {token.name: token for token in (self.all() if os.path.exists(self._path) else ())}
            yield known
            self._save(list(known.values()))

    def _hand_over(self, role: Role, plain: str) -> None:
        replace_text(token_path(self.folder, role), f"{plain}\n", mode=0o600, sync=True)

    def _save(self, tokens: Sequence[Token]) -> None:
        text = json.dumps({"tokens": [asdict(token) for token in tokens]}, indent=2) + "\n"
        replace_text(self._path, text, mode=0o600, sync=True)


def _one(known: Mapping[str, Token], name: str) -> Token:
    found = known.get(name)
    if found is None:
        raise WorkbenchError(f"there is no token {name[:60]}", hint="`token list` shows those that are there")
    return found


def _is_past(when: str, now: datetime) -> bool:
    return bool(when) and datetime.fromisoformat(when) <= now


def _secret() -> str:
    # By themselves one in 64 begins with "-", and no command line takes that for the value of a flag.
    return f"wb_{secrets.token_urlsafe(32)}"


def proof_of(plain: str) -> str:
    """Return what stands for a secret where it is not kept: see Tokens.standing."""
    return _hash(plain)


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
