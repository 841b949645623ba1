from __future__ import annotations

import json

import pytest

from workbench.release.consistent import lock_faults

HASH = f"sha256:{'0' * 64}"
SOURCES = [{"name": "index", "url": "${PIP_INDEX_URL}"}, {"name": "rocm", "url": "${ROCM_INDEX_URL}"}]
LOCK = {
    "_meta": {"hash": {"sha256": "0"}, "sources": SOURCES},
    "default": {
        "alpha": {"version": "==1.0", "hashes": [HASH]},
        "gamma": {"version": "==2.0+rocm6", "hashes": [HASH], "index": "rocm"},
    },
}
INDEX = "--extra-index-url ${ROCM_INDEX_URL}\n"
ALPHA, GAMMA = f"alpha==1.0 --hash={HASH}\n", f"gamma==2.0+rocm6 --hash={HASH}\n"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (ALPHA + INDEX + GAMMA, []),
        (ALPHA + GAMMA, [("requirements.txt", "the index ${ROCM_INDEX_URL} of Pipfile.lock is missing")]),
        (
            ALPHA + INDEX + "--extra-index-url ${OTHER_URL}\n" + GAMMA,
            [("requirements.txt:3", "'--extra-index-url ${OTHER_URL}' is not in Pipfile.lock")],
        ),
        (
            ALPHA + INDEX + GAMMA + "--extra-index-url https://packages.example.com\n",
            [("requirements.txt:4", "'--extra-index-url https://packages.example.com' is not in Pipfile.lock")],
        ),
    ],
)
def test_a_list_names_the_indexes_of_its_own_packages(text: str, faults: list[tuple[str, str]]) -> None:
    files = {"Pipfile.lock": json.dumps(LOCK).encode(), "requirements.txt": text.encode()}
    assert list(lock_faults(files)) == faults
