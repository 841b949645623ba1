"""The one place where the store is chosen."""

from __future__ import annotations

import re

from workbench.replicasets.errors import Invalid
from workbench.replicasets.stores.protocol import StateStore

_ETCD = re.compile(r"etcd://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")


def open_store(address: str, prefix: str) -> StateStore:
    """Return the store at `address`: `etcd://host:port`, or a file. It is not opened yet; raises Invalid."""
    if address.startswith("etcd:"):
        match = _ETCD.fullmatch(address)
        if match is None:
            raise Invalid(f"{address!r} is not the address of an etcd", hint="write etcd://127.0.0.1:2379")
        from workbench.replicasets.stores.etcd import EtcdStore

        return EtcdStore(match[1], int(match[2]), prefix)
    if "://" in address:
        raise Invalid(f"{address!r} is not a store", hint="a file, or etcd://host:port")
    from workbench.replicasets.stores.sqlite import SqliteStore

    return SqliteStore(address)
