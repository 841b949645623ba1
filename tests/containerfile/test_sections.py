from __future__ import annotations

import itertools

from tests.catalogues import REPOSITORY
from workbench.containerfile.sections import Sections, are_independent

TEXT = """\
# === No heading of a file
FROM a
# === Python packages of the bundle r (bundles/python_packages.snippet)
RUN x

# === The IDE (of ours) x (ides/1-x/x.snippet.j2)
RUN y
"""


def test_each_line_is_in_the_section_of_the_heading_above_it() -> None:
    sections = Sections(TEXT)
    assert [sections.at(line) for line in range(1, 8)] == [
        *("", ""),
        *["bundles/python_packages.snippet"] * 3,
        *["ides/1-x/x.snippet.j2"] * 2,
    ]


def test_which_sections_are_independent_each_other() -> None:
    python, system = "bundles/python_packages.snippet", "ides/os_packages_ide.debian.snippet"
    assert are_independent(python, system)
    assert are_independent("bundles/python_packages.rhel.snippet.j2", "ides/os_packages_ide.snippet")
    for one, other in ((system, python), (python, python), ("", ""), (python, "ides/1-x/os_packages_ide.snippet")):
        assert not are_independent(one, other)


def test_every_composed_recipe_has_headings_that_are_read() -> None:
    for path in sorted((REPOSITORY / "tests/goldens").glob("*.txt")):
        text = path.read_text()
        headings = [line for line in text.splitlines() if line.startswith("# === ")]
        sections = Sections(text)
        found = [sections.at(number) for number in range(1, len(text.splitlines()) + 1)]
        # Layers of large packages are sections of one catalogue file.
        origins = [line.rpartition("(")[2].removesuffix(")") for line in headings]
        assert [origin for origin, _ in itertools.groupby(found)] == [
            "",
            *(each for each, _ in itertools.groupby(origins)),
        ]
