"""Which set and port an address is of: `/s/NAME/…` and `/s/NAME:PORT/…`; and at which host that is served."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.replicasets.operations.reach import PREFIX

_PATH = re.compile(rb"/s/([A-Za-z0-9][A-Za-z0-9_.]{0,47})(?::([1-9][0-9]{0,4}))?(?=/|$)")


@dataclass(frozen=True, slots=True)
class Place:
    """A set's IDE, or another port of it; `port` 0 is the IDE's."""

    name: str
    port: int = 0

    @property
    def path(self) -> str:
        """The path that all its addresses begin with."""
        return f"{PREFIX}{self.name}{f':{self.port}' if self.port else ''}"

    @property
    def label(self) -> str:
        """A name of DNS that no other place has; hosts have no capital letters and no underscores, sets have."""
        digest = hashlib.sha256(self.path.encode()).hexdigest()[:12]
        return "-".join(filter(None, (re.sub("[^a-z0-9]+", "", self.name.lower())[:40], digest)))


def place_of(raw_path: bytes) -> Place | None:
    """Return the place of a path as it was sent, None for none. A browser compares cookies' paths as they are, too."""
    found = _PATH.match(raw_path)
    if found is None or int(found[2] or 0) > 65535:
        return None
    return Place(found[1].decode(), int(found[2] or 0))


@dataclass(frozen=True, slots=True)
class Site:
    """Where browsers find the sets: at `port` of the service's own host, or at `url` when that is given.

    In `https://*.example.org` the star stands for a name of each set: pages of different sets are of different origins.
    """

    port: int = 0
    url: str = ""

    @property
    def is_split(self) -> bool:
        """Whether each set has a host of its own."""
        return "//*." in self.url

    @property
    def is_secure(self) -> bool:
        """Whether the address that was given is reached by TLS."""
        return self.url.startswith("https:")

    def address(self, place: Place) -> str:
        """Return the address of a place, from `/` on where it is at `port` of the service's own host."""
        return f"{self.url.replace('*', place.label, 1)}{place.path}/"

    def serves(self, place: Place, host: str) -> bool:
        """Return whether a place is served at a host (a Host header)."""
        wanted = urlsplit(self.url.replace("*", place.label, 1)).hostname
        return not self.is_split or urlsplit(f"//{host}").hostname == wanted


def checked_url(text: str) -> str:
    """Return an address such as https://lab.example.org or https://*.example.org; raises ValueError for another one."""
    if not re.fullmatch(r"https?://(?:\*\.)?[A-Za-z0-9.-]+(?::[0-9]{1,5})?", text):
        raise ValueError(text)
    return text
