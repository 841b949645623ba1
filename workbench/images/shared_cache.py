"""Steps that are shared through a registry: what another machine has built is not built again."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import UsageError
from workbench.names import is_image, is_qualified

# The cache goes with the image, and to a registry when that is pushed: a Docker Engine's usual way.
INLINE = "inline"


@dataclass(frozen=True, slots=True)
class SharedCache:
    """Where finished steps are taken from, and where a build's own are kept, "" for nowhere.

    Both are repositories of a registry, with or without a tag; `target` may be INLINE.
    """

    sources: tuple[str, ...] = ()
    target: str = ""

    def check(self) -> None:
        """Raise UsageError for what cannot be a place in a registry."""
        for flag, names in (("--cache-from", self.sources), ("--cache-to", (self.target,))):
            for name in names:
                if not name or (name == INLINE and flag == "--cache-to"):
                    continue
                if not is_image(name) or not is_qualified(name) or name.startswith("localhost/"):
                    raise UsageError(
                        f"{flag}: {name!r} is no repository of a registry",
                        hint="write it as registry.example.com/team/cache",
                    )

    def podman_options(self) -> list[str]:
        """Return podman's options; raises UsageError for what it cannot do."""
        for flag, name in [*(("--cache-from", source) for source in self.sources), ("--cache-to", self.target)]:
            if name == INLINE:
                raise UsageError(
                    "podman keeps no cache in an image", hint="give a repository, or build with --backend buildkit"
                )
            if "@" in name or ":" in name.rpartition("/")[2]:
                raise UsageError(
                    f"{flag}: podman finds its steps in a repository by tags of its own, and {name} has one already",
                    hint=f"write {name.partition('@')[0].rpartition(':')[0]}",
                )
        kept = [f"--cache-to={self.target}"] if self.target else []
        return [*(f"--cache-from={source}" for source in self.sources), *kept]

    def sources_of(self, tag: str) -> list[str]:
        """Return the references that BuildKit takes the steps of an image of `tag` from."""
        return [_reference(source, tag) for source in self.sources]

    def target_of(self, tag: str) -> str:
        """Return the reference that BuildKit keeps the steps of an image of `tag` under; INLINE is none."""
        return _reference(self.target, tag) if self.target not in ("", INLINE) else self.target


# The cache of a machine that shares nothing.
UNSHARED = SharedCache()


def _reference(name: str, tag: str) -> str:
    """Return the name of an image's cache: without a tag of its own, that of the image without its date."""
    if "@" in name or ":" in name.rpartition("/")[2]:
        return name
    return f"{name}:{tag.rpartition('_')[0] or tag}"
