from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import buildkitd
from tests.engine import TINY, Engine
from tests.images.buildkit.frontend.both import Both
from workbench.images.buildkit.llb.client import connect

# What builders lend to steps: without it in the base, some leave empty files behind.
READY = "touch /etc/hosts /etc/hostname /etc/resolv.conf && mkdir -p /run && echo 'root:x:0:' >/etc/group"


@pytest.fixture(scope="session")
def both(store: Engine, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A stand-alone buildkitd, which gets its base from a registry."""
    if reason := buildkitd.missing():
        pytest.skip(reason)
    base = f"{registry}/ready:1"
    empty = tmp_path_factory.mktemp("base")
    (empty / "Containerfile").write_text(f"FROM {TINY}\nRUN {READY}\nENV LANG=C\nLABEL of=base\n")
    store("build", "--quiet", "--tag", base, str(empty))
    store("push", base)
    with buildkitd.started(plain=[registry]) as address, connect(address) as daemon:
        yield Both(daemon, base)
