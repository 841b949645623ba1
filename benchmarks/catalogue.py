"""A large generated catalogue, to see how the work grows with its size."""

from __future__ import annotations

from pathlib import Path

from tests.catalogues import FILES, RELEASE
from workbench.catalog.bases import default_bases

SYSTEMS, PYTHONS, BASES = 2, 2, len(default_bases())


def generate(root: Path, bundles: int, ides: int) -> int:
    """Write a catalogue with two systems, two Pythons and so many bundles and IDEs; return its combinations."""
    files = {path: text for path, text in FILES.items() if path.startswith("snippets") or "/1-plain" not in path}
    files = {path: text for path, text in files.items() if not path.startswith("ides/1-") and "2-runtime" not in path}
    files["releases/2026a.toml"] = RELEASE.partition("[defaults]")[0] + RELEASE[RELEASE.index("[cuda]") :].replace(
        'pythons = ["3.11"]', 'pythons = ["3.11", "3.12"]'
    )
    for number in range(bundles):
        folder = f"bundles/{number}-bundle{number}"
        files[f"{folder}/display.txt"] = f"Bundle {number}\n"
        files[f"{folder}/os/os-packages.txt"] = "git\n"
        for python in ("py311", "py312"):
            files[f"{folder}/{python}/requirements.txt"] = f"package{number}==1.0\n"
    for number in range(ides):
        folder = f"ides/{number}-ide{number}"
        files[f"{folder}/display.txt"] = f"IDE {number}\n"
        files[f"{folder}/ide{number}.snippet"] = FILES["ides/1-editor/editor.snippet"]
        files[f"{folder}/files/start.sh"] = FILES["ides/1-editor/files/start.sh"]
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return bundles * ides * SYSTEMS * PYTHONS * BASES
