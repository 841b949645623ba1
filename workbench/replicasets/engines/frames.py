"""The framing of an attached program's output: 8 bytes (stream, 0, 0, 0, length) before each piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def frames(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (stream, bytes) from a framed stream that arrives in pieces cut anywhere.

    What has come of a frame is yielded at once: a program may write less than it announced to us.
    """
    rest, stream, missing = b"", 0, 0
    for piece in pieces:
        rest += piece
        while rest:
            if not missing:
                if len(rest) < 8:
                    break
                stream, missing, rest = rest[0], int.from_bytes(rest[4:8], "big"), rest[8:]
            part, rest = rest[:missing], rest[missing:]
            missing -= len(part)
            if part:
                yield stream, part
