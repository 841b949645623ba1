from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.replicasets.engines.podman.exec import frames

WRITTEN = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=40)), max_size=8)


@given(WRITTEN, st.lists(st.integers(1, 9), min_size=1))
def test_frames_cut_anywhere_come_out_whole(written: list[tuple[int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(bytes([number, 0, 0, 0]) + len(text).to_bytes(4, "big") + text for number, text in written)
    pieces: list[bytes] = []
    at = 0
    while at < len(stream):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(stream[at : at + size])
        at += size
    received = list(frames(pieces))
    for number in (1, 2):
        output = b"".join(text for stream_, text in received if stream_ == number)
        assert output == b"".join(text for stream_, text in written if stream_ == number)
