"""Options as people write them (20GB, 0.5 CPUs) and as they are recorded (bytes, thousandths of a CPU)."""

from __future__ import annotations

import re

from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Invalid

_SIZE = re.compile(r"([1-9][0-9]{0,9})(KB|MB|GB|TB)")
_UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
# The smallest memory limit that the engine accepts.
LEAST_MEMORY = 6 << 20
# As Docker names them.
POLICIES = ("no", "on-failure", "always")
LONGEST_GRACE = 3600


def size(text: str) -> int:
    """Return the bytes of a size such as 20GB (code 1029 for anything else)."""
    match = _SIZE.fullmatch(text.upper())
    if match is None:
        raise Invalid(
            f"{text[:60]!r} is not a size", Code.VOLUME_UNIT, hint="write a number and KB, MB, GB or TB: 20GB"
        )
    return int(match[1]) * _UNITS[match[2]]


def size_text(bytes_: int) -> str:
    """Return a size as it is written, in the largest unit that divides it; "" for 0."""
    for unit, factor in reversed(_UNITS.items()):
        if bytes_ and bytes_ % factor == 0:
            return f"{bytes_ // factor}{unit}"
    return str(bytes_) if bytes_ else ""


def about(bytes_: int) -> str:
    """Return a size for people, in the largest unit of which there is at least one: 3.2 GB."""
    for unit, factor in reversed(_UNITS.items()):
        if bytes_ >= factor:
            return f"{bytes_ / factor:.1f}".removesuffix(".0") + f" {unit}"
    return "1 byte" if bytes_ == 1 else f"{bytes_} bytes"


def memory(text: str) -> int:
    """Return the bytes of a memory limit, 0 for ""; raises Invalid when it is too little to start with."""
    if not text:
        return 0
    found = size(text)
    if found < LEAST_MEMORY:
        raise Invalid(f"{text} is too little memory", hint="at least 6MB")
    return found


def thousandths(cpus: float) -> int:
    """Return CPUs in thousandths; raises Invalid for fewer than a hundredth (0 is no limit)."""
    if not 0 <= cpus <= 65536 or 0 < cpus < 0.01:
        raise Invalid(f"{cpus} is not a number of CPUs", hint="0.01 or more; 0 for no limit")
    return round(cpus * 1000)


def shm(text: str) -> int:
    """Return the bytes of /dev/shm, 0 for "": half of the memory."""
    return size(text) if text else 0


def grace(seconds: int) -> int:
    """Return how many seconds a main program has to end; raises Invalid for more than an hour."""
    if not 0 <= seconds <= LONGEST_GRACE:
        raise Invalid(f"{seconds} seconds of grace are not possible", hint=f"0 to {LONGEST_GRACE}")
    return seconds


def policy(text: str) -> str:
    """Return a restart policy; raises Invalid for what is none."""
    if text not in POLICIES:
        raise Invalid(f"{text[:60]!r} is not a restart policy", hint=f"one of {', '.join(POLICIES)}")
    return text
