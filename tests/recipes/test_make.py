from __future__ import annotations

from pathlib import Path

from tests.catalogues import make_catalogue, selection
from workbench.catalog.reader import read_catalogue
from workbench.recipes.make import make_recipe


def test_what_only_some_builders_can_do_is_noted_with_its_line(tmp_path: Path) -> None:
    section = "USER 1001\nCOPY --exclude=x requirements.txt ./\nRUN <<EOF\ntrue\nEOF\nWORKDIR /opt/app-root/src\n"
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {"bundles/python_packages.snippet": section})))
    notes: list[str] = []
    recipe = make_recipe(catalogue, selection(), None, notes.append, lint=True)
    (line,) = (number for number, text in enumerate(recipe.containerfile.splitlines(), 1) if "--exclude" in text)
    assert notes == [
        f"Containerfile:{line}: podman 4 knows no COPY --exclude: "
        "build with BuildKit (--backend buildkit, 0.25 or later) or podman 5"
    ]
