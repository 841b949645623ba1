"""Package indexes of a build: a RUN that installs a list gets the addresses of its indexes, for that RUN only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from workbench.containerfile.parser import Instruction, instructions
from workbench.errors import WorkbenchError
from workbench.indexes import index_variables
from workbench.packages import installed_lists

_SPACE = r"(?:[ \t]|\\[ \t]*\n)+"
_HEAD = re.compile(rf"[ \t]*RUN(?P<flags>(?:{_SPACE}--[a-z]+=\S+)*){_SPACE}", re.IGNORECASE)


def variables_by_list(lists: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the index variables of requirement lists by the list's name; `lists` are their texts by path."""
    found = {path.rpartition("/")[2]: index_variables(text) for path, text in lists.items()}
    return {name: variables for name, variables in found.items() if variables}


def with_index_mounts(text: str, variables: Mapping[str, Sequence[str]]) -> str:
    """Return Containerfile text in which every RUN that installs a list has the indexes of that list.

    `variables` are those of each list, by its name. An address comes as a secret, which no layer and no history
    keeps: `podman build --secret id=NAME,env=NAME` gives it, and so does Docker's BuildKit. Raises WorkbenchError, with
    the line in `text`, for a RUN in JSON form, which has no shell to read it.
    """
    if not variables:
        return text
    lines = text.splitlines(keepends=True)
    for item in reversed(instructions(text)):
        if found := _needed(item, variables):
            if item.json:
                names = ", ".join(found)
                raise WorkbenchError(f"RUN in JSON form cannot be given the index {names}", where=str(item.line))
            rest = "".join(lines[item.line - 1 :])
            match = _HEAD.match(rest)
            assert match is not None, rest
            lines[item.line - 1 :] = [f"{_head(match['flags'], found)}{rest[match.end() :]}"]
    return "".join(lines)


def _needed(item: Instruction, variables: Mapping[str, Sequence[str]]) -> list[str]:
    if item.word != "RUN":
        return []
    names = (path.rpartition("/")[2] for path in installed_lists(" ".join(item.args)))
    return list(dict.fromkeys(variable for name in names for variable in variables.get(name, ())))


def _head(flags: str, variables: Sequence[str]) -> str:
    mounts = " \\\n   ".join(f" --mount=type=secret,id={name},mode=0444" for name in variables)
    exports = "".join(f'{name}="$(cat /run/secrets/{name})" \\\n    && export {name} \\\n    && ' for name in variables)
    return f"RUN{flags}{mounts} \\\n    {exports}"
