from __future__ import annotations

import pytest

from tests.release.index import served
from workbench.errors import WorkbenchError
from workbench.release.index import AvailableVersions, query


@pytest.mark.parametrize("as_json", [False, True])
def test_versions_and_yanked_ones_in_either_form(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as index:
        index.as_json = as_json
        index.add("alpha", "1.0.0", "1.0.1", "1.1.0", "2.0.0rc1")
        index.yanked["alpha", "1.0.1"] = "broken &amp; bad" if not as_json else "broken & bad"
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        found = query(["alpha", "gone"])
    assert found["gone"] == AvailableVersions()
    alpha = found["alpha"]
    assert alpha == AvailableVersions(frozenset({"1.0.0", "1.1.0", "2.0.0rc1"}), {"1.0.1": "broken & bad"})
    assert alpha.above("1.0.0") == ["1.1.0"]
    assert [alpha.has(version) for version in ("1.0.0", "1.0", "1.0.1")] == [True, True, False]
    assert alpha.why_not("1.0.1") == "was yanked: broken & bad"
    assert alpha.why_not("0.9") == "is gone from the index"


def test_an_index_that_refuses_or_sends_nonsense_is_reported_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with served() as index:
        index.add("alpha", "1.0.0")
        monkeypatch.setenv("OUR_INDEX_URL", index.url.replace("//", "//somebody:secret@"))
        index.status = 503
        with pytest.raises(WorkbenchError, match="the package index refuses: 503") as refused:
            query(["alpha"], "OUR_INDEX_URL")
        index.status, index.as_json = 200, True
        index.page = lambda name: "{}"  # type: ignore[method-assign]
        with pytest.raises(WorkbenchError, match="the package index sent what cannot be read") as nonsense:
            query(["alpha"], "OUR_INDEX_URL")
    assert "secret" not in f"{refused.value.where} {nonsense.value.where} {refused.value} {nonsense.value}"
