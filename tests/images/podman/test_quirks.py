from __future__ import annotations

import pytest

from tests.engine import TINY, Engine
from tests.images.podman.test_builder import Noted
from workbench.containerfile.stages import stages
from workbench.errors import WorkbenchError
from workbench.images.podman import quirks
from workbench.images.podman.builder import PodmanBuilder
from workbench.images.podman.quirks import StepLine
from workbench.images.request import BuildRequest
from workbench.podman import Completed


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("STEP 4/17: RUN echo  x", StepLine(1, 17, "RUN echo x")),
        ("[2/3] STEP 1/2: FROM localhost/a:1 AS b", StepLine(2, 2, "FROM localhost/a:1 AS b")),
        ("STEP 1: FROM a", None),
        ("  STEP 1/2: RUN x", None),
        ("COMMIT localhost/x:1", None),
    ],
)
def test_the_lines_that_begin_a_step(line: str, step: StepLine | None) -> None:
    assert quirks.step_line(line) == step


STAGES = """\
ARG A
FROM localhost/a:1 AS one
RUN x
FROM localhost/a:1 AS two
FROM localhost/a:1 AS three
COPY --from=one /x /x
RUN y
FROM three AS four
FROM localhost/b:1
COPY --chown=1 --from=three /x /x
RUN --mount=type=bind,from=four,target=/x true
"""


@pytest.mark.parametrize(
    ("version", "labels", "counts"),
    [
        ((4, 3), 2, {1: 2, 2: 1, 3: 3, 4: 1, 5: 5}),
        ((5, 4), 2, {1: 2, 3: 3, 4: 1, 5: 4}),
        ((5, 4), 0, {1: 2, 3: 3, 4: 1, 5: 3}),
        ((6, 0), 1, {1: 2, 3: 3, 4: 1, 5: 4}),
    ],
)
def test_the_steps_of_each_stage(version: tuple[int, ...], labels: int, counts: dict[int, int]) -> None:
    assert quirks.step_counts(stages(STAGES), labels, version) == counts


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
