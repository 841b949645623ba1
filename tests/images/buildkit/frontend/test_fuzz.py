"""Nothing is accepted that BuildKit's own frontend refuses, whatever a Containerfile contains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from tests.chance import seed
from tests.images.buildkit.frontend.both import Both
from tests.images.buildkit.frontend.generated import containerfile
from tests.images.buildkit.frontend.verdicts import UNREACHABLE, ours, theirs
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway


def compare(both: Both, count: int) -> None:
    drawn = seed()
    accepted: list[str] = []
    wrong: list[tuple[str, str]] = []

    def solve(gateway: Gateway) -> BuildResult:
        def one(number: int) -> None:
            text = containerfile(Random(f"{drawn} {number}"))
            if ours(text):
                return
            accepted.append(text)
            refusal = theirs(gateway, text)
            if refusal and UNREACHABLE not in refusal:
                wrong.append((text, refusal))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(count)))
        return BuildResult()

    both.daemon.build(solve)
    assert wrong == [], f"{len(wrong)} are accepted that BuildKit refuses, such as {min(wrong)}"
    # Else the texts show nothing.
    assert len(accepted) > count / 20
    print(f"{len(accepted)} of {count} are accepted, by BuildKit too")


@pytest.mark.thorough
def test_what_we_accept_buildkit_accepts(both: Both) -> None:
    compare(both, 300)


@pytest.mark.slow
def test_what_we_accept_buildkit_accepts_of_many(both: Both) -> None:
    compare(both, 100_000)
