"""The signals of Linux, as STOPSIGNAL takes them."""

from __future__ import annotations

import re

# signal(7), with the names that BuildKit knows besides (moby/sys/signal 0.7).
_NAME = re.compile(
    "ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP"
    "|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN|RTMAX"
    r"|RTMIN\+(?:[1-9]|1[0-5])|RTMAX-(?:[1-9]|1[0-4])"
)


def is_signal(text: str) -> bool:
    """Return whether `text` is a signal: a number but 0, or a name with or without SIG."""
    if text.isascii() and text.isdigit():
        return len(text) < 4 and int(text) > 0
    return _NAME.fullmatch(text.upper().removeprefix("SIG")) is not None
