"""Who gets in where no platform stands before the front: a token, and only from the workbench's own address."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl, quote

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_AUTHORIZATION = re.compile(r"(?:bearer|token)\s+(.+)", re.IGNORECASE)
_PARAMETER = "token"


class Verdict(Enum):
    """What becomes of a request: it passes, it passes once its address is clean, or why it does not."""

    PASS = "pass"
    ENTER = "enter"
    NO_TOKEN = "no token"
    WRONG_TOKEN = "wrong token"
    FOREIGN_HOST = "foreign host"
    FOREIGN_ORIGIN = "foreign origin"


@dataclass(frozen=True)
class Request:
    """A request as the browser sent it: `uri` is path and query, `headers` have lower-case names."""

    method: str
    uri: str
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        """Return the header `name`, "" where there is none."""
        return self.headers.get(name, "")

    @property
    def host(self) -> str:
        """The Host header: where the browser thinks it is."""
        return self.header("host").lower()


class Access:
    """Decides about requests by the workbench's token and the hosts that it is known by.

    `hosts` are names beside those that no stranger can point at this machine; one with a dot in front
    stands for all names below it, and `*` for every name.
    """

    def __init__(self, token: str, hosts: tuple[str, ...] = ()) -> None:
        self._token = token.encode()
        self._hosts = hosts

    def verdict(self, request: Request) -> Verdict:
        """Return what becomes of `request`."""
        if not self.own_host(request.host):
            return Verdict.FOREIGN_HOST
        if not self._own_origin(request):
            return Verdict.FOREIGN_ORIGIN
        given = parameter(request.uri)
        if given and self.right(given):
            return Verdict.ENTER
        if self._by_cookie(request) or self._by_header(request):
            return Verdict.PASS
        return Verdict.WRONG_TOKEN if given else Verdict.NO_TOKEN

    def right(self, token: str) -> bool:
        """Whether `token` is the workbench's, in the same time however much of it is right."""
        return hmac.compare_digest(token.encode(), self._token)

    def own_host(self, host: str) -> bool:
        """Whether `host`, a Host header, is no name that somebody else made point here (DNS rebinding).

        Addresses are nobody's names, `localhost` is every machine's own, and a name without a dot
        comes from this network, for there are none in the public DNS.
        """
        name = _without_port(host)
        if not name or "*" in self._hosts:
            return bool(name)
        if _is_address(name) or "." not in name or name.endswith(".localhost"):
            return True
        return self._named(name)

    def cookie_name(self, host: str) -> str:
        """Return the name of the cookie at `host`: cookies do not tell ports apart, so the name does."""
        return f"workbench-{re.sub('[^a-z0-9]+', '-', host.lower()).strip('-')}"

    def cookie_value(self, host: str) -> str:
        """Return the cookie's value at `host`: it proves the token, and is not the token."""
        return hmac.new(self._token, self.cookie_name(host).encode(), hashlib.sha256).hexdigest()

    def passed_on(self, request: Request) -> tuple[str, str]:
        """Return Cookie and Authorization for the IDE's server, without what lets people in here."""
        cookies = [each.strip() for each in request.header("cookie").split(";")]
        others = [each for each in cookies if not each.startswith("workbench-")]
        authorization = "" if self._by_header(request) else request.header("authorization")
        return "; ".join(others), authorization

    def _by_cookie(self, request: Request) -> bool:
        name, value = self.cookie_name(request.host), self.cookie_value(request.host).encode()
        pairs = (each.strip().partition("=") for each in request.header("cookie").split(";"))
        return any(key == name and hmac.compare_digest(given.encode(), value) for key, _, given in pairs)

    def _by_header(self, request: Request) -> bool:
        found = _AUTHORIZATION.fullmatch(request.header("authorization").strip())
        return found is not None and self.right(found[1].strip())

    def _own_origin(self, request: Request) -> bool:
        """Whether a page of this workbench sent `request`, or a person who follows a link to it."""
        changes = request.method not in _SAFE_METHODS or request.header("upgrade") != ""
        if (origin := request.header("origin")) and (changes or origin != "null"):
            host = origin.partition("://")[2].lower()
            return host == request.host or self._named(_without_port(host))
        # A page at another port of this machine is of the same site, and its requests bring the cookie.
        if request.header("sec-fetch-site") in ("", "none", "same-origin"):
            return True
        followed = request.header("sec-fetch-mode") == "navigate" and request.header("sec-fetch-dest") == "document"
        return followed and not changes

    def _named(self, name: str) -> bool:
        return any(name == each or (each.startswith(".") and name.endswith(each)) for each in self._hosts)


def parameter(uri: str) -> str:
    """Return the token in the query of `uri`, "" where there is none."""
    return dict(parse_qsl(uri.partition("?")[2])).get(_PARAMETER, "")


def clean(uri: str) -> str:
    """Return `uri` without the token, and as a path of this host: `//elsewhere` would be another one."""
    path, _, query = uri.partition("?")
    kept = [each for each in query.split("&") if each and each.partition("=")[0] != _PARAMETER]
    # A browser takes a backslash for a slash, and drops what is no visible character.
    path = "/" + quote(path, safe="/%:@!$&'()*+,;=~").lstrip("/")
    return f"{path}?{'&'.join(quote(each, safe='/%:@!$()*+,;=~?') for each in kept)}" if kept else path


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]*$", "", host)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
