"""Extensions of VS Code: what a release pins, what an IDE names, and what a recipe, an SBOM and an audit make of it."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, make_catalogue, selection
from tests.command import wizard
from workbench.attest.installed import parse_packages
from workbench.attest.locked import locked_packages
from workbench.attest.package import Package
from workbench.attest.sbom import sbom, with_lock
from workbench.catalog.reader import open_catalogue, read_catalogue
from workbench.compose.possible import attempt, compose_checked
from workbench.compose.resolve import resolve
from workbench.errors import WorkbenchError
from workbench.extensions import ExtensionArchive, archives_in, is_extension
from workbench.release.advisories import local
from workbench.release.audit import cure, holes, old_tools, tool_pins

A, B, C = "a" * 64, "b" * 64, "c" * 64
EXTENSIONS = f"""
[extensions."ms-python.python"]
version = "2026.4.0"
released = "2024-03-25"
sha256 = "{A}"

[extensions."ms-python.debugpy"]
version = "2026.6.0"
sha256-amd64 = "{B}"
sha256-arm64 = "{C}"
"""
SNIPPET = """\
{% for each in ide.extensions %}
RUN unpack {{ each }}
{% endfor %}
USER 1001
WORKDIR /opt/app-root/src
CMD /opt/app-root/bin/start.sh
"""


def catalogue(folder: Path, names: str, pins: str = EXTENSIONS) -> Path:
    return make_catalogue(
        folder,
        {
            "ides/1-editor/editor.snippet": None,
            "ides/1-editor/editor.snippet.j2": "USER 1001\nCOPY start.sh /opt/app-root/bin/\n" + SNIPPET,
            "ides/1-editor/ide.toml": f"extensions = {names}\n",
            "releases/2026a.toml": RELEASE + pins,
        },
    )


def test_a_recipe_has_what_the_ide_names_as_the_release_pins_it(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, '["ms-python.debugpy", "ms-python.python"]')
    text = compose_checked(read_catalogue(str(folder)), selection()).containerfile
    assert re.findall(r"RUN unpack (.*)", text) == [
        f"ms-python.debugpy@2026.6.0@linux-x64=sha256:{B}",
        f"ms-python.debugpy@2026.6.0@linux-arm64=sha256:{C}",
        f"ms-python.python@2026.4.0=sha256:{A}",
    ]
    without = compose_checked(read_catalogue(str(catalogue(tmp_path, "[]"))), selection()).containerfile
    assert "RUN unpack" not in without


def test_an_extension_that_the_release_does_not_pin_is_a_reason(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, '["ms-python.python", "ms-toolsai.jupyter"]')
    ours = read_catalogue(str(folder))
    with pytest.raises(WorkbenchError, match=r"pins no extension ms-toolsai\.jupyter, which ides/1") as e:
        compose_checked(ours, selection())
    assert e.value.where == "releases/2026a.toml"
    assert '[extensions."ms-toolsai.jupyter"]' in e.value.hint
    assert attempt(ours, selection())[1].startswith("releases/2026a.toml: pins no extension")
    # An image that exists is described all the same.
    assert [each.name for each in resolve(ours, selection(), rules=False).extensions] == ["ms-python.python"]


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        (f'[extensions."python"]\nversion = "1.0.0"\nsha256 = "{A}"', 1, "'python' is no extension: write it as"),
        (f'[extensions."a.b.c"]\nversion = "1.0.0"\nsha256 = "{A}"', 1, "'a.b.c' is no extension: write it as"),
        (f'[extensions."a.b"]\nsha256 = "{A}"', 1, "extensions.a.b needs a version such as 2026.4.0"),
        (f'[extensions."a.b"]\nversion = "latest"\nsha256 = "{A}"', 2, "extensions.a.b needs a version such as"),
        ('[extensions."a.b"]\nversion = "1.0.0"', 1, "extensions.a.b needs sha256 or sha256-amd64 or sha256-arm64"),
        ('[extensions."a.b"]\nversion = "1.0.0"\nsha256 = "abc"', 3, "'abc' is no sha256: write its 64 hexadecimal"),
        (
            f'[extensions."a.b"]\nversion = "1.0.0"\nsha256-amd64 = "sha256:{A}"',
            3,
            f"'sha256:{A}' is no sha256-amd64: write its 64 hexadecimal digits",
        ),
        (
            f'[extensions."a.b"]\nversion = "1.0.0"\nsha256 = "{A}"\nsha256-amd64 = "{B}"',
            1,
            "extensions.a.b has one archive for all (sha256), and others beside it",
        ),
        (f'[extensions."a.b"]\nversion = "1.0.0"\nsha512 = "x"\nsha256 = "{A}"', 3, "unknown key 'sha512'"),
        (
            f'[extensions."a.b"]\nversion = "1.0.0"\nreleased = "May"\nsha256 = "{A}"',
            3,
            "'May' is no day: write it as 2026-11-22",
        ),
    ],
)
def test_what_a_release_pins_is_checked_when_read(tmp_path: Path, table: str, line: int, message: str) -> None:
    folder = catalogue(tmp_path, "[]", f"\n{table}\n")
    (fault,) = open_catalogue(str(folder)).faults
    assert fault[0] == f"releases/2026a.toml:{RELEASE.count(chr(10)) + 1 + line}"
    assert message in fault[1]


def test_what_an_ide_names_is_checked_when_read(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, '["ms-python.python", "Python", "--force"]')
    assert [fault for fault in open_catalogue(str(folder)).faults if fault[0] == "ides/1-editor/ide.toml"] == [
        ("ides/1-editor/ide.toml", "'--force' is no extension: write it as ms-python.python"),
        ("ides/1-editor/ide.toml", "'Python' is no extension: write it as ms-python.python"),
    ]
    assert not [name for name in ("a", "a.", ".b", "a.b c", "a.b@1", "a.b\n", "-a.b") if is_extension(name)]


def test_words_of_a_step_are_read_as_they_are_written() -> None:
    made = [ExtensionArchive("a.b", "1.0.0", "", A), ExtensionArchive("a.B-c", "2.0.0-rc.1", "linux-x64", B)]
    assert list(archives_in(f"python unpack.py https://x /opt/e \\\n  {made[0]} \\\n  {made[1]}")) == made
    assert list(archives_in(f"echo a@1=sha256:{A} a.b@1=sha256:abc a.b==1")) == []


def test_the_sbom_of_a_recipe_has_its_extensions(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, '["ms-python.debugpy", "ms-python.python"]')
    recipe = compose_checked(read_catalogue(str(folder)), selection())
    files = {path: file.data for path, file in recipe.files.items()}
    found = [each for each in locked_packages(files, "3.11") if each.kind == "vscode-extension"]
    platform = (("platform", "linux-x64"),)
    assert found == [
        Package("vscode-extension", "debugpy", "2026.6.0", "ms-python", platform, (B,), origins=("Containerfile",)),
        Package("vscode-extension", "python", "2026.4.0", "ms-python", hashes=(A,), origins=("Containerfile",)),
    ]
    purls = [each.get("purl") for each in json.loads(sbom("tag_2026a_20261122", found))["components"]]
    assert purls == [
        "pkg:vscode-extension/ms-python/debugpy@2026.6.0?platform=linux-x64",
        "pkg:vscode-extension/ms-python/python@2026.4.0",
    ]


def test_the_sbom_of_an_image_has_those_that_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, manifest in {
        "ms-python.python-2026.4.0": {"publisher": "MS-Python", "name": "Python", "version": "2026.4.0"},
        "git": {"publisher": "vscode", "name": "git", "version": "10.0.0"},
        "broken": {"publisher": "nobody"},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "package.json").write_text(json.dumps({**manifest, "license": "MIT"}))
    program = runpy.run_path("workbench/attest/list_packages.py")
    program["extensions"].__globals__["_EXTENSIONS"] = [f"{tmp_path}/*/package.json"]
    listed = {"python": [], "os": {}, "release": {}, "extensions": program["extensions"]()}
    (found,) = parse_packages(json.dumps(listed))
    assert found == Package("vscode-extension", "python", "2026.4.0", "ms-python", licence="MIT")
    pin = Package("vscode-extension", "python", "2026.4.0", "ms-python", hashes=(A,), origins=("Containerfile",))
    other = Package("pypi", "python", "2026.4.0", hashes=(B,))
    assert with_lock([found], [other, pin])[0].hashes == (A,)


def test_a_release_shows_what_changes_of_its_extensions(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, "[]")
    file = folder / "releases/2026a.toml"
    moved = file.read_text().replace("2026.4.0", "2026.5.0").replace(A, C)
    (folder / "releases/2026b.toml").write_text(moved[: moved.index('[extensions."ms-python.debugpy"]')])
    done = wizard("release", "diff", "2026a", "2026b", "--catalog", folder, "--json")
    rows = {row["name"]: (row["status"], row["before"], row["after"]) for row in json.loads(done.stdout)}
    assert rows == {
        "extensions.ms-python.debugpy": ("removed", f"2026.6.0, {B}, {C}", ""),
        "extensions.ms-python.python": ("moved", f"2026.4.0, 2024-03-25, {A}", f"2026.5.0, 2024-03-25, {C}"),
    }


def test_extensions_are_held_to_their_age_and_to_advisories_of_their_name(tmp_path: Path) -> None:
    release = read_catalogue(str(catalogue(tmp_path, "[]"))).releases["2026a"]
    notes = old_tools(release, "2026-11-30")
    assert notes[0] == "ms-python.python 2026.4.0 for VS Code is of 2024-03-25, 980 days old: look for a newer one"
    assert notes[1].startswith("ms-python.debugpy 2026.6.0 for VS Code: its age is not known")
    (tmp_path / "osv").mkdir()
    (tmp_path / "osv/one.json").write_text(
        json.dumps(
            {
                "id": "GHSA-x",
                "affected": [
                    {
                        "package": {"ecosystem": "VSCode", "name": "ms-python.python"},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2026.5.0"}]}],
                    }
                ],
            }
        )
    )
    (found,) = holes(tool_pins(release), local(str(tmp_path / "osv")))
    assert found.where == 'releases/2026a.toml [extensions."ms-python.python"]'
    assert found.fixed == "2026.5.0"
    assert cure(release, found) == "pin 2026.5.0 or newer in [extensions]"
