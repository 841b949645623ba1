"""`--json` of every verb: a provoked error is one JSON object on standard error, and standard output stays empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from workbench.cli import VERBS, main

# What makes a verb fail before it does anything; a catalogue that is not there does it for the others.
NOWHERE = "/nowhere"
WRONG = {
    "wizard": ["--json"],
    "completion": ["tcsh"],
    "run": [NOWHERE + "/x y"],
    "ps": ["--nothing"],
    "stop": [],
    "tag": ["parse", "no tag"],
    "build": [NOWHERE],
    "diff": [NOWHERE, NOWHERE],
    "update": [NOWHERE],
    "verify": [NOWHERE, "--key", NOWHERE],
    "keys": ["public", NOWHERE],
    "sbom": [NOWHERE],
    "size": [NOWHERE],
    "serve": ["--port", "x"],
    "token": ["revoke"],
    "rs": ["info"],
    "volume": ["info"],
    "monobase": ["nothing"],
    "model": ["check", NOWHERE],
    "service-image": [],
    "release": ["check", "1999z"],
    "export": ["kubernetes", NOWHERE],
}


@pytest.mark.parametrize("verb", VERBS)
def test_an_error_is_json_on_standard_error(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [verb, *WRONG.get(verb, ["--catalog", NOWHERE])]
    code = main([*words, *(["--json"] if "--json" not in words else [])])
    shown = capsys.readouterr()
    assert code in (1, 2), shown
    assert shown.out == ""
    assert {"error", "hint", "where"} <= json.loads(shown.err).keys()


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["list", "ides"],
        ["matrix", "--ide", "editor"],
        ["tag", "parse", "editor-plain-c9s-py311_2026a_20261122"],
        ["new", "--defaults", "--offline", "--no-lint", "--dry-run"],
        ["doctor", "--bundle", "plain"],
        ["check"],
    ],
    ids=" ".join,
)
def test_a_result_is_json_on_standard_output(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = str(make_catalogue(tmp_path))
    code = main(["--catalog", catalogue, *words, "--json"])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    assert json.loads(shown.out)
