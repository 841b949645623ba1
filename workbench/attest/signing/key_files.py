"""Where keys are kept: in files, or in variables of the environment; and the password of one that is encrypted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from getpass import getpass

from workbench.attest.signing.keys import PrivateKey, PublicKey, load_private_key, load_public_key, new_key
from workbench.errors import UsageError, WorkbenchError

# As with cosign: a key `env://NAME` is what that variable holds, and the password is in a variable of cosign's own.
_VARIABLE = "env://"
PASSWORD = "COSIGN_PASSWORD"
_LARGEST = 1 << 16


def private_key(reference: str, password_file: str = "", environment: Mapping[str, str] = os.environ) -> PrivateKey:
    """Return the private key that `reference` names: a file, or `env://NAME`.

    The password is in `password_file`, in COSIGN_PASSWORD, or typed at the terminal, and needed only for a key that is
    encrypted. Raises WorkbenchError when the key or its password cannot be read, and what `load_private_key` raises.
    """
    text = _text(reference, environment)
    return load_private_key(text, reference, _password(reference, password_file, environment))


def public_key(reference: str, environment: Mapping[str, str] = os.environ) -> PublicKey:
    """Return the public key that `reference` names: a file, or `env://NAME`. Raises as `load_public_key` does."""
    return load_public_key(_text(reference, environment), reference)


def new_pair(prefix: str, password_file: str = "", environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Make a pair of keys, and return the paths of its files: PREFIX.key, encrypted, and PREFIX.pub.

    The password comes from where `private_key` takes it; at a terminal it is typed twice. Raises WorkbenchError, with
    nothing written, when one of the files exists or cannot be written, and when there is no password.
    """
    private, public = f"{prefix}.key", f"{prefix}.pub"
    for path in (private, public):
        if os.path.lexists(path):
            raise WorkbenchError(
                _EXISTS, where=path, hint="give another name: what it signed is still checked with its public key"
            )
    key = new_key(private)
    text = key.encrypted(_password(private, password_file, environment, new=True)())
    _write_new(private, text, 0o600)
    try:
        _write_new(public, key.public.pem(), 0o644)
    except WorkbenchError:
        os.unlink(private)
        raise
    return private, public


_EXISTS = "exists, and a key is never overwritten"


def _write_new(path: str, text: str, mode: int) -> None:
    """Write a file that must not exist yet, and have it on the disk; nothing is left where that fails."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise WorkbenchError(_EXISTS, where=path) from None
    except OSError as error:
        raise WorkbenchError(f"cannot be written: {error.strerror}", where=path) from None
    try:
        with open(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        os.unlink(path)
        raise WorkbenchError(f"cannot be written: {error.strerror}", where=path) from None


def _text(reference: str, environment: Mapping[str, str]) -> str:
    """Return what a key's file or variable holds."""
    if reference.startswith(_VARIABLE):
        name = reference.removeprefix(_VARIABLE)
        if not environment.get(name):
            raise WorkbenchError(f"the variable {name} of the environment holds no key")
        return environment[name]
    if "://" in reference:
        raise UsageError(
            f"{reference} is a key in a service, and keys are read from files and variables here",
            hint=f"name a file, or {_VARIABLE}NAME for a variable of the environment",
        )
    return _read(reference, "key")


def _read(path: str, what: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise WorkbenchError(f"is too large for a {what}", where=path)
        return data.decode()
    except OSError as error:
        raise WorkbenchError(f"the {what} cannot be read: {error.strerror}", where=path) from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"is no {what}: it is not text", where=path) from None


def _password(reference: str, file: str, environment: Mapping[str, str], *, new: bool = False) -> Callable[[], bytes]:
    """Return what finds the password of a key when it is called for."""

    def find() -> bytes:
        if file:
            # An editor puts a line's end there, which is not meant.
            return _read(file, "password").removesuffix("\n").removesuffix("\r").encode()
        if PASSWORD in environment:
            return environment[PASSWORD].encode(errors="surrogateescape")
        if not (sys.stdin and sys.stdin.isatty()):
            raise WorkbenchError(
                f"{'a key' if new else 'this key'} is encrypted, and there is no password",
                where=reference,
                hint=f"put it into the variable {PASSWORD}, or name a file that has it by --sign-password-file"
                if not new
                else f"put it into the variable {PASSWORD} (empty for none), or name a file that has it "
                "by --password-file",
            )
        try:
            typed = getpass(f"password of {reference}: ")
            if new and getpass("once more: ") != typed:
                raise WorkbenchError("the two passwords are not the same; no key was made")
        except EOFError:
            raise WorkbenchError("no password was typed", where=reference) from None
        return typed.encode(errors="surrogateescape")

    return find
