"""What an image starts may be executed, whatever the file's mode in the catalogue is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from workbench.catalog.reader import read_catalogue
from workbench.compose.recipe import RecipeFile
from workbench.compose.resolve import resolve
from workbench.compose.started import with_executables
from workbench.compose.stitch import compose

FILES = ("start.sh", "utils/run.sh", "utils/notes.txt", "etc/config.json")


def started(*lines: str) -> list[str]:
    files = {path: RecipeFile(b"#!/bin/sh\n", False, path) for path in FILES}
    made = with_executables("\n".join(("FROM a", *lines)) + "\n", files)
    assert {path: file.data for path, file in made.items()} == {path: file.data for path, file in files.items()}
    return [path for path, file in made.items() if file.executable]


@pytest.mark.parametrize(
    "lines",
    [
        ["COPY start.sh /bin/", 'ENTRYPOINT ["/bin/start.sh"]'],
        ["COPY start.sh /bin/go", 'CMD ["/bin/go", "--port", "8888"]'],
        ["COPY start.sh /bin", "ENTRYPOINT /bin/start.sh --all"],
        ["COPY *.sh /bin/", "CMD exec /bin/start.sh"],
        ["WORKDIR /opt/x", "COPY start.sh .", "ENTRYPOINT ./start.sh"],
        ["COPY . /srv", 'ENTRYPOINT ["/srv/start.sh"]'],
        ["ENV D=/srv", "COPY --chown=1001:0 start.sh utils/notes.txt $D/", 'ENTRYPOINT ["/srv/start.sh"]'],
        ["COPY start.sh /bin/go", 'CMD ["/bin/go"]', "USER 1001", "FROM b", "COPY start.sh /x", 'CMD ["/x"]'],
    ],
)
def test_a_file_that_the_image_starts(lines: list[str]) -> None:
    assert started(*lines) == ["start.sh"]


def test_a_file_in_a_folder_that_is_copied_and_a_stage_that_stands_on_another() -> None:
    assert started("COPY utils/ /opt/", 'ENTRYPOINT ["/opt/run.sh"]') == ["utils/run.sh"]
    head = ["COPY utils /opt/", 'ENTRYPOINT ["/opt/run.sh"]']
    assert started(*head, "FROM other AS last", "RUN true") == []
    files = {path: RecipeFile(b"", False, path) for path in FILES}
    made = with_executables("\n".join(["FROM a AS below", *head, "FROM below", "RUN true", ""]), files)
    assert [path for path, file in made.items() if file.executable] == ["utils/run.sh"]


@pytest.mark.parametrize(
    "lines",
    [
        ["COPY start.sh /bin/"],
        ["COPY start.sh /bin/", 'ENTRYPOINT ["sh", "/bin/start.sh"]'],
        ["COPY start.sh /bin/", 'ENTRYPOINT ["/bin/other.sh"]'],
        ["COPY start.sh /bin/", 'ENTRYPOINT ["/bin/start.sh"]', 'ENTRYPOINT ["/usr/bin/python"]'],
        ["COPY --from=b /bin/start.sh /bin/start.sh", 'ENTRYPOINT ["/bin/start.sh"]'],
        ['COPY ["start.sh"', "ENTRYPOINT x"],
    ],
)
def test_what_it_does_not_start_stays_as_it_is(lines: list[str]) -> None:
    assert started(*lines) == []


def test_a_recipe_has_it_executable(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    (folder / "ides/1-editor/files/start.sh").chmod(0o644)
    recipe = compose(resolve(read_catalogue(str(folder)), selection()))
    assert recipe.files["start.sh"].executable
    assert [path for path, file in recipe.files.items() if file.executable] == ["start.sh"]
