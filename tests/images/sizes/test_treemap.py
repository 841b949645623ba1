"""The picture of sizes: areas are bytes, nothing overlaps, and names of packages are no HTML."""

from __future__ import annotations

import re
from itertools import combinations

import hypothesis.strategies as st
from hypothesis import given

from workbench.images.sizes.image_sizes import ImageSizes, SizedPart, parts_of
from workbench.images.sizes.treemap import Rectangle, page, squarified, tiles

NAME = '<script>alert("x")</script>'
SMALL: list[list[str | int]] = [["python", f"small-{number}", "1", 1000, 1] for number in range(50)]
ROWS: list[list[str | int]] = [
    ["python", "torch", "2.14.1", 900_000_000, 12_000],
    ["os", "git", "1:2.39", 45_000_000, 700],
    ["npm", NAME, "1.0.0", 60_000_000, 10],
    *SMALL,
    ["folder", "/var/lib", "", 5_000_000, 30],
]
SIZES = ImageSizes("localhost/x:1", parts_of(ROWS), 1_200_000_000)


@given(
    st.lists(st.integers(1, 10**10), min_size=1, max_size=40),
    st.floats(1, 2000),
    st.floats(1, 2000),
)
def test_areas_are_sizes_and_nothing_overlaps(sizes: list[int], width: float, height: float) -> None:
    sizes.sort(reverse=True)
    area = Rectangle(10, 20, width, height)
    found = squarified(sizes, area)
    assert len(found) == len(sizes)
    whole, slack = width * height, 1e-6 * (width + height)
    for size, place in zip(sizes, found, strict=True):
        assert abs(place.width * place.height - whole * size / sum(sizes)) <= 1e-6 * whole
        assert place.x >= area.x - slack and place.x + place.width <= area.x + width + slack
        assert place.y >= area.y - slack and place.y + place.height <= area.y + height + slack
    for one, other in combinations(found, 2):
        across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        assert across <= slack or down <= slack


def test_equal_sizes_in_a_square_are_squares() -> None:
    assert {(round(one.width), round(one.height)) for one in squarified([1] * 4, Rectangle(0, 0, 100, 100))} == {
        (50, 50)
    }


def test_what_nobody_would_see_is_one_rectangle() -> None:
    shown = [tile.about for tile in tiles(SIZES)]
    assert "50 smaller: 50.0 kB, 0.0%, 50 files" in shown
    assert "torch 2.14.1: 900.0 MB, 89.1%, 12,000 files" in shown
    assert not any(text.startswith("small-") for text in shown)
    assert next(tile.label for tile in tiles(SIZES) if "title" in tile.kind) == "Python packages, 900.0 MB"


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    text = page(SIZES)
    assert "<script" not in text and "&lt;script&gt;alert(" in text
    assert re.findall(r"(?:src|href|url)\s*[=(]|https?:", text) == []
    # Every part is in the table.
    assert text.count("<td>small-") == 50
    assert 'class="number">900,000,000<' in text


def test_an_image_without_files_has_a_page() -> None:
    assert "0 bytes in 0 files" in page(ImageSizes("localhost/x:1", (), 0))
    assert ImageSizes("localhost/x:1", (SizedPart("os", "a", "", 0, 1),), 0).by_kind()[0].files == 1
