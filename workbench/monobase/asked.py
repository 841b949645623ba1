"""What a user's requirements file asks for, with the line of each; everything that pip reads there may be in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from workbench.errors import WorkbenchError
from workbench.packages import normalized_name


@dataclass(frozen=True, slots=True)
class Asked:
    """One requirement by name, as the standard reads it (fault M12), and where it stands."""

    name: str
    text: str
    where: str
    requirement: Requirement

    def allows(self, version: str) -> bool:
        """Return whether `version` is one that is asked for; an address allows none, whatever it leads to."""
        return not self.requirement.url and self.requirement.specifier.contains(version, prereleases=True)

    def applies(self, python: str) -> bool:
        """Return whether its marker holds for the full version of a Python."""
        about = {"python_full_version": python, "python_version": python.rpartition(".")[0], "extra": ""}
        return self.requirement.marker is None or self.requirement.marker.evaluate(about)


def read_asked(path: Path) -> list[Asked]:
    """Return the requirements by name of the file at `path`, those that it includes with -r too.

    Options, folders and addresses without a name are uv's to read, and not here. Raises
    WorkbenchError for a file that cannot be read and a line that is no requirement.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"the requirements cannot be read: {error}", where=str(path)) from None
    found = []
    # A continued line stays on the lines that it has, so that those below keep their numbers.
    joined = re.sub(r"(?:\\\n[^\n]*)+", _joined, text)
    for number, line in enumerate(joined.splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        included = re.fullmatch(r"(?:-r|--requirement)[= ]?\s*(.+)", bare)
        if included:
            found += read_asked(path.parent / included[1])
        elif bare and not re.match(r"[-./]|[a-z+]+://|[^\[@;<>=!~ ]*/", bare):
            words = re.split(r"\s+--", bare)[0]
            try:
                requirement = Requirement(words)
            except InvalidRequirement as error:
                where = f"{path}:{number}"
                raise WorkbenchError(f"{bare!r} is no requirement: {str(error).splitlines()[0]}", where=where) from None
            found.append(Asked(normalized_name(requirement.name), words, f"{path.name}:{number}", requirement))
    return found


def _joined(continued: re.Match[str]) -> str:
    return continued[0].replace("\\\n", " ") + "\n" * continued[0].count("\n")
