"""Immutable values for the way that every verb takes."""

from __future__ import annotations

from typing import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Value:
    """What a frozen dataclass is, at a fraction of its start-up cost.

    The annotations of a subclass are its fields, in order, given by position or by name; a class
    attribute is a default. Importing `dataclasses` and making a class with it takes some 2 % of a
    whole `wizard.py new`, and a NamedTuple 0.7 %, for each of the twenty kinds of value it needs
    (`make bench` holds `new` to 0.7 of its peer). Type checkers read this one as a dataclass.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)

    def __init__(self, *args: object, **kwargs: object) -> None:
        fields = self._fields
        values = dict(zip(fields, args, strict=False)) | kwargs
        wrong = [name for name in values if name not in fields]
        if wrong or len(args) + len(kwargs) != len(values):
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}, each once")
        for name in fields:
            if name not in values:
                if not hasattr(type(self), name):
                    raise TypeError(f"{type(self).__name__} needs {name}")
                values[name] = getattr(type(self), name)
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed: use replace({name}=…)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, in order."""
        return {name: self.__dict__[name] for name in self._fields}

    def replace(self, **changed: object) -> Self:
        """Return a value like this one with some fields changed."""
        return type(self)(**{**self.__dict__, **changed})
