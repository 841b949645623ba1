"""The variables that a stage knows: its arguments, and the environment, which goes before them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench.containerfile.parser import Instruction
from workbench.containerfile.words import Expansion, expanded, expansion
from workbench.errors import WorkbenchError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Scope:
    """The variables of one stage, as its instructions declare them one after the other.

    `environment` is what the stage begins with, and is changed by ENV; `arguments` are those that the
    build is given, and `global_arguments` those from before the first FROM: an ARG takes its value
    from there. `used` are the names of the build's arguments that an ARG took. Where the environment is
    `partial`, because the image that the stage stands on has not been read, a value that depends on an
    unknown name is unknown too.
    """

    def __init__(
        self,
        environment: dict[str, str],
        arguments: Mapping[str, str],
        global_arguments: Mapping[str, str],
        *,
        partial: bool = False,
    ) -> None:
        self.environment = environment
        self._partial = partial
        self.declared: dict[str, str] = {}
        self.used: set[str] = set()
        self._arguments, self._globals = arguments, global_arguments

    @property
    def variables(self) -> dict[str, str]:
        """What is known now, by name."""
        return {**self.declared, **self.environment}

    def expansion(self, word: str) -> Expansion:
        """Return a word with what is known now, and the names that only the image below may have.

        Raises WorkbenchError if it cannot be read.
        """
        found = expansion(word, self.variables)
        return found if self._partial else Expansion(found.text, frozenset())

    def expanded(self, word: str) -> str:
        """Return a word with what is known now; raises WorkbenchError if it cannot be read."""
        return expanded(word, self.variables)

    def declare(self, item: Instruction) -> None:
        """Take an ARG; raises WorkbenchError if it names nothing, or what is no name."""
        if not item.args:
            raise WorkbenchError("ARG names nothing")
        for argument in item.args:
            name, equals, default = argument.partition("=")
            if not _NAME.fullmatch(name):
                raise WorkbenchError(f"ARG {name!r}: this is no name of a variable")
            if name in self._arguments:
                self.used.add(name)
                self.declared[name] = self._arguments[name]
            elif equals:
                self._set(self.declared, name, self.expansion(default))
            elif name in self._globals:
                self.declared[name] = self._globals[name]

    def pairs(self, item: Instruction) -> dict[str, str]:
        """Return the names and values of an ENV or LABEL, all of them expanded with what was known before.

        Raises WorkbenchError if it has no pairs, or what is no name.
        """
        return {name: value.text for name, value in self._pairs(item)}

    def take(self, item: Instruction) -> None:
        """Take an instruction of the stage: ARG and ENV change what is known, the others nothing."""
        if item.word == "ARG":
            self.declare(item)
        elif item.word == "ENV":
            for name, value in self._pairs(item):
                self._set(self.environment, name, value)

    def _set(self, variables: dict[str, str], name: str, value: Expansion) -> None:
        if value.unknown and self._partial:
            variables.pop(name, None)
        else:
            variables[name] = value.text

    def _pairs(self, item: Instruction) -> list[tuple[str, Expansion]]:
        if not item.args or len(item.args) % 2:
            raise WorkbenchError(f"{item.word} is followed by NAME=value")
        known = self.variables
        found = []
        for name, value in zip(item.args[::2], item.args[1::2], strict=True):
            name = expanded(name, known)
            if not name or "=" in name or "\0" in name:
                raise WorkbenchError(f"{item.word} {name!r}: this is no name")
            found.append((name, expansion(value, known)))
        return found
