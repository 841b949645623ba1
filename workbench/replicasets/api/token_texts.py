"""What people write about tokens: quotas, and when a token expires."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from workbench.errors import WorkbenchError
from workbench.replicasets.quantities import memory, size
from workbench.replicasets.values import Quota

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HOW = "write 12h, 90d, 2027-01-31 or never"


def parse_quota(text: str) -> Quota:
    """Return the quota that `sets=3,gpus=2,memory=16GB,volumes=2,disk=100GB` stands for; raises WorkbenchError."""
    found: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name == "memory":
            found[name] = memory(value)
        elif name == "disk":
            found[name] = size(value)
        elif name in ("sets", "gpus", "volumes") and value.isascii() and value.isdigit() and len(value) < 10:
            found[name] = int(value)
        else:
            raise WorkbenchError(
                f"{part!r} is no part of a quota", hint="write sets=3,gpus=2,memory=16GB,volumes=2,disk=100GB"
            )
    return Quota(**found)


def quota_text(quota: Quota) -> str:
    """Return a quota as `parse_quota` reads it, "" for no limits."""
    sizes = {"memory": quota.memory, "disk": quota.disk}
    counts = {"sets": quota.sets, "gpus": quota.gpus, "volumes": quota.volumes}
    parts = [f"{name}={value}" for name, value in counts.items() if value is not None]
    parts += [f"{name}={value >> 20}MB" for name, value in sizes.items() if value is not None]
    return ",".join(parts)


def parse_time(text: str, now: datetime) -> str:
    """Return the time that `12h`, `90d` (from `now`), `2027-01-31` (its end) or `never` ("") stand for, as ISO 8601.

    Raises WorkbenchError for anything else, and for what is past.
    """
    if text == "never":
        return ""
    if match := re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text):
        when = now + timedelta(**{_UNITS[match[2]]: int(match[1])})
    else:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise WorkbenchError(f"{text[:60]!r} is no time", hint=_HOW) from None
        if re.fullmatch(r"[0-9-]{10}", text):
            when += timedelta(days=1)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
    if when <= now:
        raise WorkbenchError(f"{text[:60]} is past", hint=_HOW)
    return iso(when)


def iso(when: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return when.astimezone(UTC).isoformat(timespec="seconds")
