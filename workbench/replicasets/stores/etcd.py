"""The store in etcd, by its JSON gateway."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import httpx

from workbench.replicasets.errors import StoreError
from workbench.replicasets.stores.protocol import Changes, StateEntry

_SECONDS = 5
# All are kept open: httpx (0.28) closes a connection beyond those it keeps although another thread was just given it,
# whose request then fails with "Bad file descriptor".
_CONNECTIONS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=None)
# How many keys one response may hold, so that no response grows without bound.
_PAGE = 1000
# How many operations a transaction may have: etcd's own limit, unless its operator raised it (--max-txn-ops).
_OPERATIONS = 128


class EtcdStore:
    """A StateStore below the key `prefix` of the etcd at `host`:`port`."""

    def __init__(self, host: str, port: int, prefix: str) -> None:
        self.where = f"etcd://{host}:{port}"
        self._prefix = f"/{prefix}/"
        # What is between here and etcd is loopback or the operator's network: a proxy has no place there.
        self._client = httpx.Client(
            base_url=f"http://{host}:{port}/v3/", timeout=_SECONDS, limits=_CONNECTIONS, trust_env=False
        )

    def get(self, key: str) -> StateEntry | None:
        """Return the entry at `key`, None for none."""
        rows = self._post("kv/range", {"key": self._key(key)}).get("kvs", [])
        return self._entry(rows[0])[1] if rows else None

    def list(self, prefix: str, *, start: str = "", before: str = "") -> list[tuple[str, StateEntry]]:
        """Return all below `prefix` in order; see StateStore."""
        entries: list[tuple[str, StateEntry]] = []
        begin, end, revision = self._key(start or prefix), self._key(before) if before else self._end(prefix), 0
        if start and before and start >= before:
            return []  # for etcd that is an error
        while True:
            # Every page as of the first one's revision: one consistent view.
            page = {"key": begin, "range_end": end, "limit": _PAGE, "revision": revision}
            response = self._post("kv/range", page)
            revision = revision or int(response["header"]["revision"])
            entries += [self._entry(each) for each in response.get("kvs", [])]
            if not response.get("more"):
                return entries
            begin = self._key(entries[-1][0] + "\0")

    def get_many(self, keys: Sequence[str]) -> dict[str, StateEntry]:
        """Return the entries at those of `keys` that exist."""
        found: dict[str, StateEntry] = {}
        for at in range(0, len(keys), _OPERATIONS):
            reads = [{"request_range": {"key": self._key(key)}} for key in keys[at : at + _OPERATIONS]]
            for each in self._post("kv/txn", {"success": reads}).get("responses", []):
                found |= dict(self._entry(row) for row in each["response_range"].get("kvs", []))
        return found

    def revision(self) -> str:
        """Return what is another text after each commit; see StateStore. Whoever else uses this etcd changes it too."""
        header = self._post("kv/range", {"key": self._key(""), "keys_only": True})["header"]
        return f"{header.get('cluster_id', '')}:{header['revision']}"

    def commit(self, changes: Changes) -> bool:
        """Make all changes or none; return whether all checks passed."""
        # etcd refuses two writes of one key in a step: what is written below a dropped prefix takes its own way.
        drops = [
            {"request_delete_range": {"key": self._key(each), "range_end": self._end(each)}} for each in changes.drops
        ]
        deletes = [
            {"request_delete_range": {"key": self._key(key)}}
            for key in sorted(changes.deletes)
            if not any(key.startswith(prefix) for prefix in changes.drops)
        ]
        puts = [{"request_put": {"key": self._key(k), "value": _pack(v)}} for k, v in changes.puts.items()]
        checks = [
            {"key": self._key(key), "target": "MOD", "result": "EQUAL", "mod_revision": revision}
            for key, revision in changes.checks.items()
        ]
        response = self._post("kv/txn", {"compare": checks, "success": drops + deletes + puts, "failure": []})
        return bool(response.get("succeeded", False))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON object that etcd answers with; raises StoreError for anything else."""
        try:
            response = self._client.post(path, json=body)
            if response.is_error:
                raise self._failed(response.text or f"HTTP {response.status_code}")
            content = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._failed(str(error) or type(error).__name__) from None
        if not isinstance(content, dict):
            raise self._failed(response.text)
        return content

    def _failed(self, reason: str) -> StoreError:
        return StoreError(
            f"etcd does not answer as it should: {' '.join(reason.split())[:200]}",
            hint="is it running there?",
            where=self.where,
        )

    def _key(self, key: str) -> str:
        return _pack(self._prefix + key)

    def _end(self, prefix: str) -> str:
        full = (self._prefix + prefix).encode()
        return base64.b64encode(full[:-1] + bytes([full[-1] + 1])).decode()

    def _entry(self, row: dict[str, str]) -> tuple[str, StateEntry]:
        key = base64.b64decode(row["key"]).decode().removeprefix(self._prefix)
        return key, StateEntry(base64.b64decode(row.get("value", "")).decode(), int(row["mod_revision"]))


def _pack(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
