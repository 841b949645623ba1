"""Package indexes of a build: a RUN that installs a list gets the addresses of its indexes, for that RUN only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from workbench.containerfile.heredocs import command_of, heredoc_word
from workbench.containerfile.parser import Instruction, instructions
from workbench.errors import WorkbenchError
from workbench.indexes import index_variables
from workbench.packages import installed_lists

_SPACE = r"(?:[ \t]|\\[ \t]*\n)+"
_EXPORT = '{0}="$(cat /run/secrets/{0})" && export {0}'
_HEAD = re.compile(rf"[ \t]*RUN(?P<flags>(?:{_SPACE}--[a-z]+=\S+)*){_SPACE}", re.IGNORECASE)


def variables_by_list(lists: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the index variables of requirement lists by the list's name; `lists` are their texts by path."""
    found = {path.rpartition("/")[2]: index_variables(text) for path, text in lists.items()}
    return {name: variables for name, variables in found.items() if variables}


def with_index_mounts(text: str, variables: Mapping[str, Sequence[str]]) -> str:
    """Return Containerfile text in which every RUN that installs a list has the indexes of that list.

    `variables` are those of each list, by its name. An address comes as a secret, which no layer and no history
    keeps: `podman build --secret id=NAME,env=NAME` gives it, and so does Docker's BuildKit. Raises WorkbenchError, with
    the line in `text`, for a RUN in JSON form or of a script with `#!`: no shell that is known reads it there.
    """
    if not variables:
        return text
    lines = text.splitlines(keepends=True)
    for item in reversed(instructions(text)):
        if found := _needed(item, variables):
            if item.json or command_of(item)[1] is not None:
                form, names = "in JSON form" if item.json else "of a script", ", ".join(found)
                raise WorkbenchError(f"RUN {form} cannot be given the index {names}", where=str(item.line))
            is_text = bool(item.heredocs) and heredoc_word(item.args[0]) is not None
            if is_text:
                # The heredoc is the command, and so begins with what stands before a command elsewhere.
                lines.insert(item.body - 1, "".join(f"{_EXPORT.format(name)}\n" for name in found))
            rest = "".join(lines[item.line - 1 :])
            match = _HEAD.match(rest)
            assert match is not None, rest
            head = _head(match["flags"], found, exports=not is_text)
            lines[item.line - 1 :] = [f"{head}{rest[match.end() :]}"]
    return "".join(lines)


def _needed(item: Instruction, variables: Mapping[str, Sequence[str]]) -> list[str]:
    if item.word != "RUN":
        return []
    names = (path.rpartition("/")[2] for path in installed_lists(item.command))
    return list(dict.fromkeys(variable for name in names for variable in variables.get(name, ())))


def _head(flags: str, variables: Sequence[str], *, exports: bool) -> str:
    mounts = " \\\n   ".join(f" --mount=type=secret,id={name},mode=0444" for name in variables)
    begin = "".join(f"{_EXPORT.format(name)} && ".replace("&&", "\\\n    &&") for name in variables if exports)
    return f"RUN{flags}{mounts} \\\n    {begin}"
