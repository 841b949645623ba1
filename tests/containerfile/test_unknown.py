from __future__ import annotations

from workbench.containerfile.unknown import beyond_podman_4


def test_podman_4_adds_files_of_addresses_and_none_of_git() -> None:
    text = "FROM a\nADD https://a.example/b /b\nADD https://a.example/b.git#v1 /b\n"
    ((line, message),) = beyond_podman_4(text)
    assert line == 3
    assert message.startswith("podman 4 adds no files of git (https://a.example/b.git#v1): build with BuildKit")


def test_an_address_that_is_none_is_no_bug() -> None:
    assert list(beyond_podman_4("FROM a\nADD http://[::1/b https://[x/y.git.txt /b/\n")) == []


def test_podman_4_mounts_nothing_without_a_target() -> None:
    known = "--mount=type=secret,id=a --mount=type=ssh --mount=type=bind,dst=/x --mount=target=/y,ro"
    assert list(beyond_podman_4(f"FROM a\nRUN {known} x\n")) == []
    ((line, message),) = beyond_podman_4("FROM a\nRUN --mount=ro x\n")
    assert (line, message.split(":")[0]) == (2, "podman 4 mounts nothing without a target (--mount=ro)")


def test_what_podman_4_cannot_build_is_named_with_its_line_and_with_what_can() -> None:
    text = "FROM a\nCOPY --link a /b\nCOPY --exclude=x a /b\nRUN <<E\nx\nE\nADD --chmod=a+r b /c\n"
    hint = "build with BuildKit (--backend buildkit, 0.25 or later) or podman 5"
    assert list(beyond_podman_4(text)) == [
        (3, f"podman 4 knows no COPY --exclude: {hint}"),
        (7, f"podman 4 knows no ADD --chmod=a+r: it takes numbers: write 0755, or {hint}"),
    ]
