from __future__ import annotations

import pytest

from tests.engine import TINY, Engine
from tests.images.podman.test_builder import Noted
from workbench.errors import WorkbenchError
from workbench.images.podman import quirks
from workbench.images.podman.builder import PodmanBuilder
from workbench.images.request import BuildRequest
from workbench.podman import Completed


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("STEP 4/17: RUN echo  x", "RUN echo x"),
        ("[2/3] STEP 1/2: FROM localhost/a:1 AS b", "FROM localhost/a:1 AS b"),
        ("STEP 1: FROM a", ""),
        ("  STEP 1/2: RUN x", ""),
        ("COMMIT localhost/x:1", ""),
    ],
)
def test_the_lines_that_begin_a_step(line: str, title: str) -> None:
    assert quirks.step_title(line) == title


def test_every_instruction_from_the_first_from_on_is_a_step() -> None:
    assert quirks.step_count("ARG A\nFROM a\nRUN x\nFROM b\n", labels=2) == 5


@pytest.mark.parametrize(
    ("line", "steps"),
    [
        ("STEP 1/4: FROM b", 2),
        ("[2/2] STEP 1/3: FROM b", 1),
        ("[2/2] STEP 1/2: FROM b", 0),
        ("[1/2] STEP 1/3: FROM a", None),
        ("[2/2] STEP 1/1: FROM b", None),
        ("COMMIT localhost/x:1", None),
    ],
)
def test_the_steps_that_are_made_of_labels(line: str, steps: int | None) -> None:
    assert quirks.label_steps(line, "ARG A\nFROM a\nRUN x\nRUN y\nFROM b\nUSER 1001\n") == steps


def test_the_format_that_keeps_everything() -> None:
    assert quirks.image_format("FROM a\nRUN x\n") == "oci"
    assert [quirks.image_format(f"FROM a\n{text}\n") for text in ('SHELL ["x"]', "HEALTHCHECK NONE")] == ["docker"] * 2


def test_names_of_stages_are_written_alike() -> None:
    text = """\
FROM localhost/Not:1 AS Build
COPY Build /x
FROM localhost/b:1 \\
  AS Other
COPY --from=build --chown=1 /Build /x
COPY --from=BUILD /a \\
     /b
COPY --from=quay.io/Build:1 /a /b
COPY --from=0 /a /b
RUN --mount=type=bind,from=OTHER,target=/Other echo --from=Build
FROM oTHER
RUN echo Build
"""
    assert quirks.with_exact_stage_names(text) == text.replace("AS Build", "AS build").replace(
        "AS Other", "AS other"
    ).replace("--from=BUILD", "--from=build").replace("from=OTHER", "from=other").replace("FROM oTHER", "FROM other")
    plain = "# a comment\nFROM a AS b\nFROM b\nCOPY --from=b /x /y"
    assert quirks.with_exact_stage_names(plain) == plain


@pytest.mark.parametrize(
    ("code", "errors", "reply"),
    [
        (0, "", "present"),
        (125, "Error: Treating single images as manifest lists is not implemented", "present"),
        (125, "Error: reading image: manifest unknown", "absent"),
        (125, 'Error: reading image: StatusCode: 404, ""', "absent"),
        (125, "Error: reading image: unauthorized: authentication required", "refused"),
        (125, "Error: pinging registry: connection refused", "unreachable"),
    ],
)
def test_what_a_registry_replied(code: int, errors: str, reply: str) -> None:
    assert quirks.registry_reply(Completed(code, "", errors)) == reply


def test_stages_ignore_case_with_podman_too(engine: Engine, tmp_path: object) -> None:
    text = (
        f"FROM {TINY} AS Build\nRUN echo x >/x\nFROM build AS Next\nFROM {TINY}\nCOPY --from=nEXT /x /y\nRUN cat /y\n"
    )
    noted = Noted()
    PodmanBuilder().build(BuildRequest(("localhost/case:1",), str(tmp_path), text, cache=False), noted)
    assert "x" in noted.lines
    engine("untag", "localhost/case:1", "localhost/case:1")


def test_a_modifier_that_this_podman_lacks_has_a_hint(engine: Engine, tmp_path: object) -> None:
    text = f"FROM {TINY}\nENV V=1.2\nLABEL v=${{V%.*}}\n"
    request = BuildRequest(("localhost/modifier:1",), str(tmp_path), text)
    try:
        PodmanBuilder().build(request, Noted())
    except WorkbenchError as error:
        assert error.hint.endswith("build with --backend buildkit")
    else:
        label = engine("image", "inspect", "--format", '{{index .Config.Labels "v"}}', "localhost/modifier:1")
        assert label == "1"
