from __future__ import annotations

import pytest

from workbench.value import Value


class Point(Value):
    x: int
    y: int = 0


def test_fields_by_position_by_name_and_by_default() -> None:
    assert Point(1, 2) == Point(x=1, y=2) == Point(1, y=2)
    assert Point(1).y == 0
    assert Point(1) != Point(1, 2)
    assert len({Point(1), Point(1, 0), Point(2)}) == 2
    assert repr(Point(1)) == "Point(x=1, y=0)"
    assert Point(1).as_dict() == {"x": 1, "y": 0}


def test_another_kind_is_never_equal() -> None:
    class Other(Value):
        x: int
        y: int = 0

    assert Point(1) != Other(1)
    assert Point(1) != (1, 0)


def test_a_value_cannot_be_changed_but_replaced() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="cannot be changed"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot be changed"):
        del point.x
    assert (point.replace(x=2), point) == (Point(2), Point(1))


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1})]
)
def test_wrong_fields_are_a_type_error(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point"):
        Point(*args, **kwargs)
    with pytest.raises(TypeError, match="Point"):
        Point(1).replace(z=1)
