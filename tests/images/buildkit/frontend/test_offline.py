from __future__ import annotations

from tests.images.buildkit.frontend.offline import OUTSIDE, without_images


def test_scratch_stands_in_for_images() -> None:
    text = """\
# syntax=docker/dockerfile:1
ARG V=1
FROM debian:$V AS one
FROM --platform=$BUILDPLATFORM golang AS For-amd64
FROM for-${TARGETARCH}
COPY --from=one a b
RUN --mount=type=bind,from=quay.io/tool,target=/t --mount=from=one,target=/u x
"""
    assert (
        without_images(text)
        == f"""\
ARG V=1
FROM scratch AS {OUTSIDE}
FROM scratch AS one
FROM --platform=$BUILDPLATFORM scratch AS For-amd64
FROM for-${{TARGETARCH}}
COPY --from=one a b
RUN --mount=type=bind,from={OUTSIDE},target=/t --mount=from=one,target=/u x
"""
    )
