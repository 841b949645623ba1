"""The inputs of a function as a schema. What cannot be read is left out, alone, and a note says so."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from workbench.models.reading.literals import Literals, UnreadableError
from workbench.models.reading.names import External, Found, Names, Value
from workbench.models.reading.scope import Function
from workbench.models.reading.sources import Source
from workbench.models.reading.types import Schema, Types
from workbench.names import suggestion

_WORDS = {
    **{"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "regex": "pattern"},
    **{"min_length": "minLength", "max_length": "maxLength", "deprecated": "deprecated", "accept": "x-cog-accept"},
    **{"description": "description", "choices": "enum"},
}
_KNOWN = (*_WORDS, "default", "default_factory")


@dataclass(slots=True)
class Inputs:
    """Reads inputs; `notes` are what could not be read, `faults` what `Input(…)` does not take, with file and line."""

    names: Names
    literals: Literals
    types: Types
    notes: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def schema(self, found: Found, title: str, *, is_method: bool) -> dict[str, Any]:
        """Return the schema of the inputs of a function; raises UnreadableError when it takes some without names."""
        node = found.node
        assert isinstance(node, Function)
        arguments = node.args
        if arguments.kwarg or arguments.posonlyargs[1 if is_method else 0 :]:
            raise UnreadableError(f"{node.name} takes arguments without names")
        plain = [*arguments.posonlyargs, *arguments.args][1 if is_method else 0 :]
        missing = [None] * (len(plain) - len(arguments.defaults))
        pairs = [*zip(plain, [*missing, *arguments.defaults][-len(plain) :] if plain else [], strict=True)]
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        properties: dict[str, Any] = {}
        required = []
        for order, (argument, default) in enumerate(pairs):
            schema, needed = self._input(argument, default, found.source)
            properties[argument.arg] = {"title": argument.arg.replace("_", " ").title(), "x-order": order, **schema}
            if needed:
                required.append(argument.arg)
        whole = {"title": title, "type": "object", "properties": properties}
        return whole | ({"required": required} if required else {})

    def _input(self, argument: ast.arg, default: ast.expr | None, source: Source) -> tuple[dict[str, Any], bool]:
        """Return the schema of one input, and whether it must be given."""
        read = self._type(argument, source)
        if default is None:
            return read.whole, not read.optional
        words = self._words(default, source)
        if words is None:
            return self._with_default(argument.arg, read, default, source), False
        schema = dict(read.data)
        for word, key in _WORDS.items():
            if word in words:
                self._constrain(schema, argument.arg, word, key, words[word])
        if "default" not in words:
            return ({**schema, "nullable": True}, False) if read.optional else (schema, True)
        node, given = words["default"]
        return self._with_default(argument.arg, Schema(schema, read.optional), node, given), False

    def _type(self, argument: ast.arg, source: Source) -> Schema:
        if argument.annotation is None:
            self.notes.append(f"the input {argument.arg} has no type")
            return Schema()
        try:
            return self.types.input(argument.annotation, source)
        except UnreadableError as error:
            self.notes.append(f"the input {argument.arg} takes anything: {error}")
            return Schema()

    def _constrain(
        self, schema: dict[str, Any], name: str, word: str, key: str, given: tuple[ast.expr, Source]
    ) -> None:
        try:
            value = self.literals.json(*given)
            if value is not None:
                schema[key] = _fitting(word, value)
        except UnreadableError as error:
            self.notes.append(f"{word} of the input {name} is left out: {error}")

    def _with_default(self, name: str, read: Schema, node: ast.expr, source: Source) -> dict[str, Any]:
        """Return a schema with its default. Without one that is read, the code's own counts: so it is not nullable."""
        try:
            value = self.literals.json(node, source)
        except UnreadableError as error:
            self.notes.append(f"the default of the input {name} is the code's: {error}")
            return dict(read.data)
        if value is None:
            # The server gives null for such an input when it is not given, as Python would.
            return {**read.data, "nullable": True}
        return {**read.whole, "default": value}

    def _words(self, default: ast.expr, source: Source) -> dict[str, tuple[ast.expr, Source]] | None:
        """Return the arguments of `Input(…)`, wherever that is written; None for a default that is a plain value."""
        if not isinstance(default, ast.Call):
            target = self.names.resolve(default, source) if isinstance(default, ast.Name | ast.Attribute) else None
            if isinstance(target, Value) and target.is_sure and isinstance(target.node, ast.Call):
                return self._words(target.node, target.source)
            return None
        words = {word.arg: (word.value, source) for word in default.keywords if word.arg}
        if self._is_input(default, source):
            where = f"{self.names.sources.folder}/{source.path}:{default.lineno}"
            unknown = [word for word in words if word not in _KNOWN]
            self.faults += [(where, f"Input has no {word!r}: {suggestion(word, _KNOWN)}") for word in unknown]
            return words | ({"default": (default.args[0], source)} if default.args else {})
        return self._of_helper(default, words, source)

    def _of_helper(
        self, call: ast.Call, words: dict[str, tuple[ast.expr, Source]], source: Source
    ) -> dict[str, tuple[ast.expr, Source]] | None:
        """Return the arguments of the one `Input(…)` that a function of the model returns."""
        target = self.names.resolve(call.func, source)
        if not isinstance(target, Found) or not isinstance(target.node, Function):
            return None
        returned = [each.value for each in ast.walk(target.node) if isinstance(each, ast.Return)]
        if (
            len(returned) != 1
            or not isinstance(returned[0], ast.Call)
            or not self._is_input(returned[0], target.source)
        ):
            return None
        arguments = target.node.args.args
        given = (
            dict(zip([each.arg for each in arguments], [(each, source) for each in call.args], strict=False)) | words
        )
        names = [each.arg for each in arguments[len(arguments) - len(target.node.args.defaults) :]]
        filled = dict(zip(names, [(each, target.source) for each in target.node.args.defaults], strict=True)) | given
        found = {word.arg: (word.value, target.source) for word in returned[0].keywords if word.arg}
        if returned[0].args:
            found["default"] = (returned[0].args[0], target.source)
        return {
            word: filled.get(value[0].id, value) if isinstance(value[0], ast.Name) else value
            for word, value in found.items()
        }

    def _is_input(self, call: ast.Call, source: Source) -> bool:
        target = self.names.resolve(call.func, source)
        return isinstance(target, External) and target.last == "Input" and target.root in ("cog", "?")


def _fitting(word: str, value: Any) -> Any:  # noqa: ANN401 - whatever JSON has
    """Return the value of a word of `Input(…)`; raises UnreadableError when it is of no use in a schema."""
    kinds: dict[str, type | tuple[type, ...]] = {"choices": list, "deprecated": bool}
    kinds |= dict.fromkeys(("description", "regex", "accept"), str) | dict.fromkeys(("min_length", "max_length"), int)
    if not isinstance(value, kinds.get(word, (int, float))) or (word == "choices" and not value):
        raise UnreadableError(f"{str(value)[:60]!r} cannot be {word}")
    return value
