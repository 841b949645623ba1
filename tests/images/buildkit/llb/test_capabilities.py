from __future__ import annotations

from pathlib import Path

from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb.capabilities import capabilities_of, missing
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.state import diff, image, merge

# The capabilities of Docker Engine 20.10.
KNOWN = set(Path(__file__).with_name("docker-20.10.txt").read_text().split())


def test_what_an_old_daemon_lacks() -> None:
    names = {value for name, value in vars(caps).items() if name.isupper() and name != "NAME"}
    assert names - KNOWN == {
        "diffop",
        "exec.mount.cache.content",
        "exec.mount.tmpfs.size",
        "exec.secretenv",
        "file.copy.includeexcludepatterns",
        "file.copy.requiredpaths",
        "file.symlink.create",
        "mergeop",
        "source.git.checksum",
        "source.git.subdir",
    }


def test_a_missing_capability_comes_with_its_step() -> None:
    base = image("a")
    other = base.symlink("x", "/b", name="link")
    state = merge([base.run("x"), diff(base, other, name="z"), diff(base, base.mkdir("/d"), name="y")], name="both")
    definition = marshal(state)
    assert missing(definition, KNOWN) == {"diffop": "y", "file.symlink.create": "link", "mergeop": "both"}
    assert missing(definition, capabilities_of(definition)) == {}


def test_what_a_step_without_a_name_lacks() -> None:
    state = image("a").symlink("x", "/b")
    assert state.output is not None
    assert missing(marshal(state), KNOWN) == {"file.symlink.create": state.output.vertex.digest}
