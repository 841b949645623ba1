"""Pages of lists: made once for all who may see the same, with an ETag, so that nothing is sent twice to one client."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from fastapi import Request, Response

from workbench.replicasets.api.shapes import set_view, volume_view
from workbench.replicasets.listing import Listing, SetRow, VolumeRow
from workbench.replicasets.values import Caller, Role

R = TypeVar("R", SetRow, VolumeRow)
# How many bytes of pages a listing keeps.
_KEPT_BYTES = 32 << 20
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def set_bytes(row: SetRow, caller: Caller) -> bytes:
    """Return a set of a list as JSON."""
    may = caller.may_change(row.set.owner)
    found = row.rendered.get(may)
    if found is None:
        found = row.rendered[may] = (
            set_view(row.set, row.version, may, row.doing, row.problem).model_dump_json().encode()
        )
    return found


def volume_bytes(row: VolumeRow, caller: Caller) -> bytes:
    """Return a volume of a list as JSON."""
    may = caller.may_change(row.volume.owner)
    found = row.rendered.get(may)
    if found is None:
        found = row.rendered[may] = volume_view(row.volume, may).model_dump_json().encode()
    return found


def seen(rows: Mapping[str, R], caller: Caller) -> Mapping[str, R]:
    """Return the rows that the caller may see."""
    return rows if caller.may_see_all else {name: row for name, row in rows.items() if caller.may_see(row.owner)}


def sets_page(listing: Listing, request: Request, caller: Caller, limit: int, after: str, publish: str) -> Response:
    """Return the response with the sets that come after the name `after`, `limit` of them at most (0: all)."""
    more = {"publish": publish}
    return _page(listing, listing.sets, request, caller, limit, after, set_bytes, "replicaSets", more)


def volumes_page(listing: Listing, request: Request, caller: Caller, limit: int, after: str) -> Response:
    """Return the response with the volumes that come after the name `after`, `limit` of them at most (0: all)."""
    return _page(listing, listing.volumes, request, caller, limit, after, volume_bytes, "volumes", {})


def _page(
    listing: Listing,
    rows: Mapping[str, R],
    request: Request,
    caller: Caller,
    limit: int,
    after: str,
    shown: Callable[[R, Caller], bytes],
    name: str,
    more: Mapping[str, object],
) -> Response:
    # What callers get differs in what they see, and in what they may change: one's own, or everything, or nothing.
    changes = {Role.ADMIN: "*", Role.READ: ""}.get(caller.role, caller.name)
    key = (name, changes, caller.may_see_all, limit, after)
    found = listing.rendered.get(key)
    if found is None:
        rows = seen(rows, caller)
        names = [each for each in rows if each > after] if after else list(rows)
        page = names[:limit] if limit else names
        rest = {"continue": page[-1] if len(page) < len(names) else "", "total": len(rows), **more}
        body = b",".join(shown(rows[each], caller) for each in page)
        tail = json.dumps(rest, separators=(",", ":"))[1:].encode()
        content = b'{"code":200,"msg":"success","data":{"%b":[%b],%b,"hint":""}' % (name.encode(), body, tail)
        found = (f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"', content)
        if len(content) + sum(len(each) for _, each in listing.rendered.copy().values()) < _KEPT_BYTES:
            listing.rendered[key] = found
    tag, content = found
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in _TAG.findall(header)
