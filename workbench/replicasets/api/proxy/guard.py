"""Which pages a request may come from: the set's own, and for a person who follows a link any."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from workbench.replicasets.api.proxy.headers import first
from workbench.replicasets.api.proxy.places import Place, place_of


def refusal(method: str, headers: Iterable[tuple[bytes, bytes]], place: Place, *, upgrade: bool = False) -> str:
    """Return why a request that a browser's session would let in is not, "" when it is.

    A page at another port of this host is of the same site, and its requests bring the cookie. Browsers send Origin
    with what changes something and with WebSockets, and Sec-Fetch-Site with all where the address is one that they
    trust (https, or this machine); pages cannot forge the two. Referer they can, among pages of one origin.
    """
    headers = list(headers)
    host, origin = first(headers, b"host").lower(), first(headers, b"origin").lower()
    changes = upgrade or method not in ("GET", "HEAD")
    if origin and urlsplit(origin).netloc != host and (changes or origin != "null"):
        return "pages of another address do not get to this set"
    site, mode = first(headers, b"sec-fetch-site"), first(headers, b"sec-fetch-mode")
    if site not in ("", "none", "same-origin"):
        follows = mode == "navigate" and first(headers, b"sec-fetch-dest") in ("document", "")
        if changes or not follows:
            return "pages of another address do not get to this set"
    referer = urlsplit(first(headers, b"referer"))
    if referer.netloc.lower() == host:
        of = place_of(referer.path.encode("latin-1", "replace"))
        if of is not None and of != place:
            return f"pages of {of.path} do not get to {place.path}: open it from the service's page"
    return ""
