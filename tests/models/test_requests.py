"""What the large generation has of 100 requests as public models write them (`requests.txt`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.models.test_weightless import parsed
from workbench.errors import WorkbenchError
from workbench.models import weightless
from workbench.monobase import generation
from workbench.monobase.generation import DATA, load_all
from workbench.monobase.resolving import versions

CORPUS = REPOSITORY / "tests/models/requests.txt"


def answer(line: str) -> str:
    """The environment that a request gets, or the message and the hint why it gets none."""
    python, kind, cuda, *requirements = line.split()
    model = parsed(*requirements, python=python, gpu=kind == "gpu", cuda=cuda.removeprefix("-"))
    try:
        return f"locked {weightless.fit(model, DATA, 3, '0.23.1')[1].environment}"
    except WorkbenchError as error:
        return f"{'unlocked' if 'not locked' in error.message else 'none'} {error.message}: {error.hint}"


def test_nine_of_ten_requests_find_an_environment_and_the_others_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "machine", lambda: "x86_64")
    monkeypatch.setattr(weightless, "load_all", cache(load_all))
    monkeypatch.setattr(weightless, "versions", cache(versions))
    lines = [line for line in Path(CORPUS).read_text().splitlines() if not line.startswith("#")]
    answers = [answer(line) for line in lines]
    counts = {kind: sum(one.startswith(f"{kind} ") for one in answers) for kind in ("locked", "unlocked", "none")}
    assert (len(lines), len(set(lines))) == (100, 100)
    assert counts["locked"] + counts["unlocked"] >= 90, [one for one in answers if one.startswith("none")]
    assert counts == {"locked": 73, "unlocked": 17, "none": 10}
    for one in answers:
        if one.startswith("none"):
            assert "nearest is python3" in one or "available: python3" in one, one
