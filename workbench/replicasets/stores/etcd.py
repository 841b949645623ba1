"""The store in etcd, by its JSON gateway."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import etcd3gw
import requests
from etcd3gw.exceptions import Etcd3Exception

from workbench.replicasets.errors import StoreError
from workbench.replicasets.stores.protocol import Changes, Entry

_SECONDS = 5
# How many keys one answer may hold, so that no answer grows without bound.
_PAGE = 1000


class EtcdStore:
    """A Store below the key `prefix` of the etcd at `host`:`port`."""

    def __init__(self, host: str, port: int, prefix: str) -> None:
        self.where = f"etcd://{host}:{port}"
        self._prefix = f"/{prefix}/"
        self._client = etcd3gw.client(host=host, port=port, api_path="/v3/", timeout=_SECONDS)
        # What is between here and etcd is loopback or the operator's network: a proxy has no place there.
        self._client.session.trust_env = False

    def get(self, key: str) -> Entry | None:
        """Return what stands at `key`, None for nothing."""
        found = self._ask("kv/range", {"key": self._key(key)}).get("kvs", [])
        return self._entry(found[0])[1] if found else None

    def list(self, prefix: str, *, start: str = "", before: str = "") -> list[tuple[str, Entry]]:
        """Return all below `prefix` in order; see Store."""
        found: list[tuple[str, Entry]] = []
        begin, end, revision = self._key(start or prefix), self._key(before) if before else self._end(prefix), 0
        if start and before and start >= before:
            return []  # etcd takes that for a mistake
        while True:
            # Every page as of the first one's revision: one consistent look.
            asked = {"key": begin, "range_end": end, "limit": _PAGE, "revision": revision}
            answer = self._ask("kv/range", asked)
            revision = revision or int(answer["header"]["revision"])
            found += [self._entry(each) for each in answer.get("kvs", [])]
            if not answer.get("more"):
                return found
            begin = self._key(found[-1][0] + "\0")

    def commit(self, changes: Changes) -> bool:
        """Make the changes, or none of them; return whether the checks held."""
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
        answer = self._ask("kv/txn", {"compare": checks, "success": drops + deletes + puts, "failure": []})
        return bool(answer.get("succeeded", False))

    def close(self) -> None:
        """Close the connections."""
        self._client.session.close()

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._said():
            answer = self._client.post(self._client.get_url(path), json=body)
            assert isinstance(answer, dict)
            return answer

    def _key(self, key: str) -> str:
        return _pack(self._prefix + key)

    def _end(self, prefix: str) -> str:
        full = (self._prefix + prefix).encode()
        return base64.b64encode(full[:-1] + bytes([full[-1] + 1])).decode()

    def _entry(self, found: dict[str, str]) -> tuple[str, Entry]:
        key = base64.b64decode(found["key"]).decode().removeprefix(self._prefix)
        return key, Entry(base64.b64decode(found.get("value", "")).decode(), int(found["mod_revision"]))

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (Etcd3Exception, requests.RequestException) as error:
            said = getattr(error, "detail_text", "") or str(error) or type(error).__name__
            raise StoreError(
                f"etcd does not answer as it should: {said.strip()[:200]}",
                hint="is it running there?",
                where=self.where,
            ) from None


def _pack(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
