"""Values of a cog.yaml by their path: each of its type, each fault with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workbench.catalog.faults import Faults
from workbench.models import rules
from workbench.models.config import FILE, RunStep, SecretMount
from workbench.models.yaml_nodes import LIST, MAP, NOTHING, NUMBER, TEXT, TRUTH, Node
from workbench.names import suggestion

Rule = Callable[[str], str]
_KINDS = {TEXT: "a text", NUMBER: "a number", TRUTH: "true or false", LIST: "a list", MAP: "a map", NOTHING: "nothing"}


class Reader:
    """Reads values of a cog.yaml by their path, and notes their faults; `refused` are keys with the reason."""

    def __init__(self, where: str, faults: Faults, refused: Mapping[str, str]) -> None:
        self.where = where
        self.faults = faults
        self.refused = refused
        self.lines: dict[str, int] = {}

    def fault(self, path: str, message: str, line: int = 0) -> None:
        """Note a fault, on the line of the key at `path` if no other is given."""
        self.faults.add(f"{self.where}:{line or self.lines.get(path, 1)}", message)

    def map(self, node: Node | None, path: str, known: tuple[str, ...]) -> dict[str, Node]:
        """Return the values of a map by key; those that are not `known` are faults, and are left out."""
        if node is None or node.kind == NOTHING:
            return {}
        if node.kind != MAP:
            self.fault(path, f"{path or FILE} must be a map, and is {_kind(node)}", node.line)
            return {}
        for key, line in node.repeated:
            self.fault(path, f"{_joined(path, key)} occurs twice", line)
        found = {}
        for key, (line, value) in node.entries.items():
            full = _joined(path, key)
            self.lines[full] = line
            if full in self.refused:
                self.fault(full, f"{full} {self.refused[full]}")
            elif key not in known:
                self.fault(full, f"{path or FILE} has no key {key!r}: {suggestion(key, known)}")
            else:
                found[key] = value
        return found

    def text(self, values: dict[str, Node], path: str, rule: Rule) -> str:
        """Return a text, "" when it is not given."""
        return self._checked(self._value(values, path, (TEXT,), "a text"), path, rule)

    def version(self, values: dict[str, Node], path: str, rule: Rule) -> str:
        """Return a version; YAML reads one without quotes as a number, whose text is the version."""
        return self._checked(self._value(values, path, (TEXT, NUMBER), "a version"), path, rule)

    def truth(self, values: dict[str, Node], path: str) -> bool:
        """Return true or false; false when it is not given."""
        node = self._value(values, path, (TRUTH,), "true or false")
        return node is not None and node.text.lower() in ("true", "yes", "on")

    def count(self, values: dict[str, Node], path: str) -> int:
        """Return a whole number from 1 on, 0 when it is not given."""
        node = self._value(values, path, (NUMBER,), "a whole number")
        if node is None:
            return 0
        if not (node.text.isascii() and node.text.isdigit() and 0 < int(node.text[:5]) <= 1000):
            self.fault(path, f"{path} must be a whole number from 1 to 1000, and is {node.text}")
            return 0
        return int(node.text)

    def texts(self, values: dict[str, Node], path: str, rule: Rule) -> tuple[str, ...]:
        """Return a list of texts, each checked by `rule`."""
        found = []
        for item in self.items(values, path):
            if item.kind != TEXT:
                self.fault(path, f"{path} must be a list of texts, and one of them is {_kind(item)}", item.line)
            elif text := self._checked(item, path, rule):
                found.append(text)
        return tuple(found)

    def steps(self, values: dict[str, Node], path: str) -> tuple[RunStep, ...]:
        """Return commands: each a text, or a map of `command` and `mounts`."""
        found = []
        for item in self.items(values, path):
            if item.kind == TEXT:
                mounts: tuple[SecretMount, ...] = ()
                command = self._checked(item, path, rules.command)
            else:
                inside = self.map(item, f"{path}[]", ("command", "mounts"))
                command = self.text(inside, f"{path}[].command", rules.command)
                mounts = tuple(self._mounts(inside, f"{path}[].mounts"))
                if item.kind == MAP and "command" not in inside:
                    self.fault(path, f"a step of {path} has no command", item.line)
            if command:
                flags, command = rules.split_flags(command)
                found.append(RunStep(command, mounts, flags))
        return tuple(found)

    def _mounts(self, values: dict[str, Node], path: str) -> list[SecretMount]:
        found = []
        for item in self.items(values, path):
            inside = self.map(item, f"{path}[]", ("type", "id", "target"))
            kind = inside.get("type")
            if item.kind == MAP and (kind is None or kind.text != "secret"):
                self.fault(path, "a mount must be of type secret", item.line)
            id_ = self.text(inside, f"{path}[].id", rules.secret_id)
            target = self.text(inside, f"{path}[].target", rules.target)
            if id_ and target:
                found.append(SecretMount(id_, target))
            elif item.kind == MAP and not {"id", "target"} <= inside.keys():
                self.fault(path, "a mount needs type, id and target", item.line)
        return found

    def items(self, values: dict[str, Node], path: str) -> tuple[Node, ...]:
        """Return the items of a list, none when it is not given."""
        node = self._value(values, path, (LIST,), "a list")
        return node.items if node is not None else ()

    def given(self, values: dict[str, Node], path: str, kinds: tuple[str, ...], what: str) -> str:
        """Return the text of a value of one of these kinds, "" when it is not given."""
        node = self._value(values, path, kinds, what)
        return node.text if node is not None else ""

    def _value(self, values: dict[str, Node], path: str, kinds: tuple[str, ...], what: str) -> Node | None:
        node = values.get(path.rpartition(".")[2])
        if node is None or node.kind == NOTHING:
            return None
        if node.kind not in kinds:
            self.fault(path, f"{path} must be {what}, and is {_kind(node)}", node.line)
            return None
        return node

    def _checked(self, node: Node | None, path: str, rule: Rule) -> str:
        if node is None:
            return ""
        if complaint := rule(node.text):
            self.fault(path, complaint, node.line)
            return ""
        return node.text


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _kind(node: Node) -> str:
    text = f" ({node.text[:40]})" if node.text else ""
    return _KINDS.get(node.kind, "something else") + text
