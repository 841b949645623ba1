"""Where what stands in the store, and reading it as values."""

from __future__ import annotations

from typing import TypeVar

from workbench.replicasets.codec import decode, encode
from workbench.replicasets.errors import NotFound, Unreadable
from workbench.replicasets.problems import Problems
from workbench.replicasets.stores.protocol import Changes, StateStore
from workbench.replicasets.values import SYSTEM, Caller, ReplicaSet, Version, Volume

T = TypeVar("T")
SETS = "sets/"
VOLUMES = "volumes/"
JOURNAL = "journal/"
READY = "meta/ready"


def set_key(name: str) -> str:
    """Return the key of a set."""
    return SETS + name


def versions_key(set_id: str) -> str:
    """Return the prefix of a set's versions: by its id, so that a new set of an old name has none (fault B4)."""
    return f"versions/{set_id}/"


def version_key(set_id: str, number: int) -> str:
    """Return the key of a version; keys sort as their numbers do."""
    return f"{versions_key(set_id)}{number:08d}"


def lines_key(set_id: str) -> str:
    """Return the key of what a set's container wrote last before it ended: the end of its log."""
    return f"lines/{set_id}"


def edits_key(set_id: str, number: int | None) -> str:
    """Return the key of what was edited in a version of files that the engine makes; of no number, their prefix."""
    return f"edits/{set_id}/{'' if number is None else number}"


def volume_key(name: str) -> str:
    """Return the key of a volume (not of a version of it: fault B13)."""
    return VOLUMES + name


def volume_versions_key(volume_id: str) -> str:
    """Return the prefix of a volume's versions."""
    return f"volumeversions/{volume_id}/"


def set_journal(name: str) -> str:
    """Return the key of what is being done to a set."""
    return f"{JOURNAL}set/{name}"


def volume_journal(name: str) -> str:
    """Return the key of what is being done to a volume."""
    return f"{JOURNAL}volume/{name}"


def read(store: StateStore, kind: type[T], key: str) -> T | None:
    """Return what stands at `key` as a `kind`, None for nothing; raises StoreError for what is no such thing."""
    entry = store.get(key)
    return None if entry is None else _decoded(kind, key, entry.value)


def read_all(store: StateStore, kind: type[T], prefix: str, start: str = "", before: str = "") -> list[T]:
    """Return all below `prefix` as `kind`, in order; see StateStore.list for the rest."""
    return [_decoded(kind, key, entry.value) for key, entry in store.list(prefix, start=start, before=before)]


def readable(store: StateStore, kind: type[T], prefix: str, problems: Problems) -> list[T]:
    """Return all below `prefix` as `kind`; what stands there and is no such thing is a problem of its own."""
    found = []
    for key, entry in store.list(prefix):
        try:
            found.append(_decoded(kind, key, entry.value))
        except Unreadable as error:
            problems.add(key.rpartition("/")[2], error.message)
    return found


def find_set(store: StateStore, name: str, caller: Caller = SYSTEM) -> ReplicaSet:
    """Return the set of exactly that name (fault B12); raises NotFound, for one that `caller` may not see too."""
    found = read(store, ReplicaSet, set_key(name))
    if found is None or not caller.may_see(found.owner):
        raise no_set(name)
    return found


def no_set(name: str) -> NotFound:
    """Return the error for a set that is not there, or may not be seen: the two are not to be told apart."""
    return NotFound(f"there is no set {name}", hint="run it first; `rs list` shows those that are there")


def find_version(store: StateStore, of: ReplicaSet, number: int) -> Version:
    """Return that version of the set; raises NotFound."""
    found = read(store, Version, version_key(of.id, number))
    if found is None:
        raise NotFound(f"{of.name} has no version {number}", hint=f"`rs history {of.name}` shows those it has")
    return found


def find_volume(store: StateStore, name: str, caller: Caller = SYSTEM) -> Volume:
    """Return the volume of that name; raises NotFound, for one that `caller` may not see too."""
    found = read(store, Volume, volume_key(name))
    if found is None or not caller.may_see(found.owner):
        raise no_volume(name)
    return found


def no_volume(name: str) -> NotFound:
    """Return the error for a volume that is not there, or may not be seen."""
    return NotFound(f"there is no volume {name}", hint="create it first; `volume list` shows those that are there")


def put_set(value: ReplicaSet) -> Changes:
    """Return the change that writes a set."""
    return Changes(puts={set_key(value.name): encode(value)})


def put_version(value: Version) -> Changes:
    """Return the change that writes a version."""
    return Changes(puts={version_key(value.id, value.number): encode(value)})


def put_volume(value: Volume) -> Changes:
    """Return the change that writes a volume as its newest version."""
    history = f"{volume_versions_key(value.id)}{value.version:08d}"
    return Changes(puts={volume_key(value.name): encode(value), history: encode(value)})


def _decoded(kind: type[T], key: str, text: str) -> T:
    try:
        return decode(kind, text)
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"the store holds no {kind.__name__} at {key}: {error}") from None
