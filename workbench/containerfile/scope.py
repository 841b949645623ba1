"""The variables that a stage knows: its arguments and its environment, of which the later one of a name counts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench.containerfile.parser import Instruction
from workbench.containerfile.words import Expansion, expanded, expansion
from workbench.errors import WorkbenchError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Scope:
    """The variables of one stage, as its instructions declare them one after the other, as BuildKit has them.

    `environment` is what the stage begins with, and is changed by ENV; `arguments` are those that the
    build is given, and `global_arguments` those from before the first FROM: an ARG takes its value
    from there. `inherited` are the variables at the end of the stage below, its arguments too: those that are
    no environment go on. `used` are the names of the build's arguments that an ARG took. Where the environment is
    `partial`, because the image that the stage stands on has not been read, a value that depends on an
    unknown name is unknown too. `escape` is the character that escapes others in words.
    """

    def __init__(
        self,
        environment: dict[str, str],
        arguments: Mapping[str, str],
        global_arguments: Mapping[str, str],
        *,
        inherited: Mapping[str, str] | None = None,
        partial: bool = False,
        escape: str = "\\",
    ) -> None:
        self.environment = environment
        self._variables: dict[str, str] = {**(inherited or {}), **environment}
        self._partial, self._escape = partial, escape
        self.used: set[str] = set()
        self._arguments, self._globals = arguments, global_arguments

    @property
    def variables(self) -> dict[str, str]:
        """What is known now, by name."""
        return dict(self._variables)

    def assume(self, variables: Mapping[str, str]) -> None:
        """Take `variables` for names that have no value yet."""
        self._variables = {**variables, **self._variables}

    def copy(self) -> Scope:
        """Return the same, which may be changed."""
        made = Scope(dict(self.environment), self._arguments, self._globals, partial=self._partial, escape=self._escape)
        made._variables = self.variables
        return made

    def expansion(self, word: str) -> Expansion:
        """Return a word with what is known now, and the names that only the image below may have.

        Raises WorkbenchError if it cannot be read.
        """
        found = expansion(word, self.variables, self._escape)
        return found if self._partial else Expansion(found.text, frozenset())

    def expanded(self, word: str) -> str:
        """Return a word with what is known now; raises WorkbenchError if it cannot be read."""
        return expanded(word, self.variables, self._escape)

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
                self._variables[name] = self._arguments[name]
            elif equals:
                self._set(self._variables, name, self.expansion(default))
            elif name in self._globals:
                self._variables[name] = self._globals[name]

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
                self._set(self._variables, name, value)

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
            name = expanded(name, known, self._escape)
            if not name or "=" in name or "\0" in name:
                raise WorkbenchError(f"{item.word} {name!r}: this is no name")
            found.append((name, expansion(value, known, self._escape)))
        return found
