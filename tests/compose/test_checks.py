from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from workbench.catalog.reader import read_catalogue
from workbench.compose.checks import check_recipe, containerfile_problems
from workbench.compose.resolve import resolve
from workbench.compose.stitch import compose
from workbench.errors import FaultsError

COPY_FLAGS = "--from=, --chown=, --chmod=, --link=, --parents=, --exclude="
END = "USER 1001\nWORKDIR /opt/app-root/src\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\n" + END, []),
        ("FROM a\nUSER 1001:0\nWORKDIR /opt/app-root/src/\n", []),
        ("FROM a\nUSER 1001\nWORKDIR /opt\nWORKDIR app-root/src\n", []),
        ("FROM a\nCOPY one.txt two/ /x/\nCOPY tw?/*.sh /x/\nCOPY . /x/\n" + END, []),
        ('FROM a\nCOPY ["one.txt", "/x"]\n' + END, []),
        (
            "FROM a AS b\nFROM a\nCOPY --from=b /gone /x\nCOPY --from=0 /gone /x\nCOPY --from=quay.io/c:1 /d /x\n"
            + END,
            [],
        ),
        ("FROM a\nADD https://example.com/x.jar /x/\nCOPY $UNKNOWN /x\n" + END, []),
        ("FROM a\nENV F=one\nCOPY ${F}.txt $F.txt /x/\n" + END, []),
        ("FROM a\nCOPY gone.txt /x\n" + END, [(2, "COPY gone.txt: the recipe has no such file")]),
        ("FROM a\nCOPY ../secret /x\n" + END, [(2, "COPY ../secret: the recipe has no such file")]),
        ("FROM a\nCOPY ../one.txt sub/../../one.txt /x/\n" + END, []),
        ("FROM a\nCOPY *.sh /x\n" + END, [(2, "COPY *.sh: the recipe has no such file")]),
        ("FROM a\nENV F=gone\nCOPY $F.txt /x\n" + END, [(3, "COPY gone.txt: the recipe has no such file")]),
        ("FROM a\nCOPY --from=b /x /x\n" + END, [(2, "COPY --from=b: there is no such stage above")]),
        ("FROM a AS b\nFROM c AS b\n" + END, [(2, "the stage b has the name of one above")]),
        ("USER 1001\n", [(1, "USER stands before the first FROM, where only ARG may")]),
        ("FROM a AS b\nUSER 1001\nWORKDIR /opt\nFROM b\nWORKDIR app-root/src\n", []),
        ("FROM a AS b\n" + END + "FROM b\n", []),
        ("FROM a\nENV U=1001 H=/opt/app-root\nUSER $U\nWORKDIR ${H}/src\n", []),
        ("FROM a AS b\nENV F=one\nFROM a\nENV F=$F\nCOPY $F.txt /x\n" + END, []),
        ("FROM a AS B\nFROM a\nCOPY --from=b /x /y\n" + END, []),
        ("FROM a AS b\nCOPY --from=b /x /y\n" + END, [(2, "COPY --from=b: there is no such stage above")]),
        ("FROM a AS B\nFROM a\nRUN --mount=type=bind,from=b,target=/x true\n" + END, []),
        (
            "FROM a AS b\nRUN --mount=type=bind,from=b,target=/x true\n" + END,
            [(2, "RUN --mount=…,from=b: there is no such stage above")],
        ),
        ("ARG I\nFROM a\nARG I\nRUN --mount=from=quay.io/c:1,target=/x --mount=from=$I,target=/y true\n" + END, []),
        ("", [(1, "no FROM: nothing to build on")]),
        ("FROM a\nRUN <<EOF\ntrue\nEOF\n" + END, []),
        ("FROM a\nRUN cat <<-'E F' >/x && true\n one\nE F\n" + END, []),
        ("FROM a\nCOPY <<EOF one.txt /x/\none\nEOF\nADD <<A <<B /y/\n1\nA\n2\nB\n" + END, []),
        ("FROM a\nCOPY <<EOF gone.txt /x/\nEOF\n" + END, [(2, "COPY gone.txt: the recipe has no such file")]),
        ("FROM a\nCOPY one.txt <<EOF\nEOF\n" + END, [(2, "COPY cannot have a heredoc as its destination")]),
        ("FROM a\nRUN echo '<<EOF' $((1<<2))\n" + END, []),
        (
            "FROM a\nCOPY --linked one.txt /x\n" + END,
            [(2, f"COPY --linked is not supported: COPY has {COPY_FLAGS}")],
        ),
        (
            "FROM a\nRUN --security=insecure true\n" + END,
            [(2, "RUN --security=insecure is not supported: RUN has --mount=, --network=")],
        ),
        (
            "FROM a\n" + END + "USER 0\n",
            [(4, "the image would run as USER 0, and must end as USER 1001")],
        ),
        (
            "FROM a\n" + END + "FROM b\n",
            [
                (4, "the image would run as USER of its base, and must end as USER 1001"),
                (4, "the image would end in WORKDIR of its base, and must end in /opt/app-root/src"),
            ],
        ),
    ],
)
def test_what_keeps_a_containerfile_from_building(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(containerfile_problems(text, ["one.txt", "two/start.sh"])) == expected


def test_a_containerfile_that_cannot_be_read() -> None:
    ((line, message),) = containerfile_problems('FROM a\nCOPY ["x"\nENV x\n', [])
    assert line >= 1
    assert "cannot be read" in message


def test_a_problem_is_reported_at_the_snippets_line(tmp_path: Path) -> None:
    files = {
        "ides/1-editor/files/start.sh": None,
        "bundles/1-plain/py311/requirements-editor.txt": "# nothing\n-i index\n",
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    with pytest.raises(FaultsError) as caught:
        check_recipe(compose(resolve(catalogue, selection())))
    assert caught.value.faults == [
        ("bundles/1-plain/py311/requirements-editor.txt", "names no package, so its IDE would not be installed"),
        ("ides/1-editor/editor.snippet:2", "COPY start.sh: the recipe has no such file"),
    ]


def test_the_text_of_a_heredoc_is_no_instruction() -> None:
    text = "FROM a\n" + END + "COPY <<END /x\nCOPY gone /y\nEND\nRUN <<END\nUSER 0\nEND\n"
    assert list(containerfile_problems(text, [])) == []


@pytest.mark.parametrize(
    ("snippet", "faults"),
    [
        ("USER 0\nRUN true\n", ["the image would run as USER 0, and must end as USER 1001: add that line"]),
        (
            "USER 1001\nWORKDIR /tmp\n",
            ["the image would end in WORKDIR /tmp, and must end in /opt/app-root/src: add that line"],
        ),
    ],
)
def test_an_image_that_ends_otherwise_is_the_ides_fault_and_not_the_labels(
    tmp_path: Path, snippet: str, faults: list[str]
) -> None:
    files = {
        "bundles/python_packages.snippet": "USER 1001\nWORKDIR /opt/app-root/src\nCOPY requirements.txt ./\n",
        "ides/1-editor/editor.snippet": snippet,
        "snippets/base/labels.snippet": 'LABEL a="${RELEASE}"\n',
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    with pytest.raises(FaultsError) as caught:
        check_recipe(compose(resolve(catalogue, selection())))
    assert caught.value.faults == [("ides/1-editor/editor.snippet", fault) for fault in faults]
