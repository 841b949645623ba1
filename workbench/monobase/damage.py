"""What verify reports: each thing below a prefix that is not as it was installed."""

from __future__ import annotations

from dataclasses import dataclass, field

CHANGED, MISSING, EXTRA = "changed", "missing", "extra"
ACCESS, RECORD, MARKER = "owner or mode changed", "record damaged", "marker damaged"


@dataclass(frozen=True, slots=True)
class Damage:
    """A file, folder, link, record or marker that is not as it was installed.

    `path` is below the environment, `environment` the environment below the prefix, "" for what is in none: `path`
    is below the prefix then. `entry` is what the store has for it, and `inode` which file it is, so that the
    environments that share it can be named.
    """

    kind: str
    environment: str
    path: str
    entry: str = ""
    inode: int = 0

    @property
    def where(self) -> str:
        """Its path below the prefix."""
        return f"{self.environment}/{self.path}" if self.environment else self.path


@dataclass(slots=True)
class VerifyReport:
    """The result of `verify`.

    `damage` is what is damaged, `damaged_entries` are the files of the store that are, or are gone, `changed` the
    generations that were built from another description (name, what changed), `unfinished` those whose build never
    ended; then how much was read.
    """

    damage: list[Damage] = field(default_factory=list)
    damaged_entries: list[str] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    environments: int = 0
    files: int = 0
    inodes: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was installed; what was never finished does not count."""
        return not (self.damage or self.damaged_entries or self.changed)

    def sharing(self, damage: Damage) -> list[str]:
        """Return the environments whose file is the same inode as the damaged one."""
        if not damage.inode:
            return [damage.environment] if damage.environment else []
        return sorted({other.environment for other in self.damage if other.inode == damage.inode})
