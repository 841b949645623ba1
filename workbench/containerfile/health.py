"""HEALTHCHECK: the health check of a container."""

from __future__ import annotations

import re
from typing import Any

from workbench.containerfile.parser import Instruction
from workbench.errors import WorkbenchError

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_TIMES = {
    "--interval": "Interval",
    "--timeout": "Timeout",
    "--start-period": "StartPeriod",
    "--start-interval": "StartInterval",
}


def health_check(item: Instruction) -> dict[str, Any]:
    """Return the check that a HEALTHCHECK describes, as an image config has it.

    Raises WorkbenchError when it cannot be read.
    """
    kind = item.args[0].upper() if item.args else ""
    if kind == "NONE" and len(item.args) == 1 and not item.flags:
        return {"Test": ["NONE"]}
    if kind != "CMD" or len(item.args) < 2 or not item.args[1]:
        raise WorkbenchError("HEALTHCHECK is followed by NONE, or by CMD and a command")
    check: dict[str, Any] = {"Test": ["CMD" if item.json else "CMD-SHELL", *item.args[1:]]}
    for flag in item.flags:
        name, _, value = flag.partition("=")
        if name in _TIMES:
            check[_TIMES[name]] = nanoseconds(value)
            if 0 < check[_TIMES[name]] < _NANOSECONDS["ms"]:
                raise WorkbenchError(f"HEALTHCHECK {flag}: this is less than 1ms")
        elif name == "--retries" and value.isascii() and value.isdigit() and len(value) < 10:
            check["Retries"] = int(value)
        else:
            raise WorkbenchError(f"HEALTHCHECK {flag} cannot be read")
    return check


def nanoseconds(text: str) -> int:
    """Return how long `text` is, which is written as 90s, 1m30s or 500ms; raises WorkbenchError if it is not."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text or len(text) > 40:
        raise WorkbenchError(f"{text!r} is no length of time", hint="write it as 90s, 1m30s or 500ms")
    return sum(round(float(number) * _NANOSECONDS[unit]) for number, unit in parts)
