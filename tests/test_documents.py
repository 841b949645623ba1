"""The documents are true as far as a program can check: commands parse, links lead somewhere, paths exist."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.documents import command_fault, exists, faults, joined, read, simple_commands
from workbench import verbs
from workbench.cli import VERBS

README = REPOSITORY / "README.md"
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
DOCUMENTS = [README, REPOSITORY / "DEVELOPMENT.md", *PAGES]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_parse_and_links_and_paths_exist(path: Path) -> None:
    assert faults(read(path)) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_line_stands_twice(path: Path) -> None:
    counted = Counter(line.strip() for _, line in read(path).prose)
    assert [line for line, count in counted.items() if count > 1 and len(line) > 40] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_variables_are_those_of_the_code(path: Path) -> None:
    named = set(re.findall(r"\b(?:WORKBENCH|R8|MONOBASE)_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    folders = ("workbench", "monobase", "service", "snippets", "tests")
    sources = [file for folder in folders for file in (REPOSITORY / folder).rglob("*") if file.suffix in (".py", ".sh")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    assert {name for name in named if name not in code} == set()


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert [page.name for page in PAGES if f"(docs/{page.name}" not in text] == []
    assert "(docs/wizard.svg)" in text
    assert "make wizard" in text
    assert "make test" in text


def test_every_verb_is_documented() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (README, *PAGES))
    assert [verb for verb in VERBS if not re.search(rf"`{verb}[` ]|wizard\.py {verb}\b|make {verb}\b", text)] == []


def test_the_readme_shows_the_plan_of_what_the_defaults_give(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    (day,) = set(re.findall(r"recipes/\S+_([0-9]{8})\b", text[text.index("## From nothing") :].partition("\n## ")[0]))
    done = wizard("new", "--defaults", "--date", day, "--out", tmp_path, "--offline", "--no-lint")
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.iterdir()
    name = folder.name.rpartition("_")[0]
    for line in (f"{folder.name}, with podman\n", f"  recipes/{folder.name}  will be written\n", f" stop {name}\n"):
        assert line in text
    assert f"volume workbench-{name}: " in text


def test_every_room_of_the_house_is_described() -> None:
    rooms = [folder.name for folder in (REPOSITORY / "workbench").iterdir() if (folder / "__init__.py").is_file()]
    (house,) = [block for block in read(REPOSITORY / "DEVELOPMENT.md").blocks if "cli.py  verbs/" in block.lines[0]]
    assert [room for room in rooms if not re.search(rf"\b{room}/", "\n".join(house.lines))] == []


@pytest.mark.parametrize("name", [module.name for module in pkgutil.walk_packages(verbs.__path__, "workbench.verbs.")])
def test_the_examples_of_help_parse(name: str) -> None:
    examples = getattr(importlib.import_module(name), "EXAMPLES", "")
    for _, text in joined(examples.splitlines()):
        # What an example does stands behind it, two blanks or more away.
        command = text if "  --" in text else re.split(r"\s{2,}", text.strip())[0]
        for words in simple_commands(command):
            assert command_fault(words, complete=False) == "", text


def fake(text: str) -> list[str]:
    """Return the faults of a document with `text`, as if it stood in docs/."""
    return [fault.removeprefix("docs/fake.md:") for fault in faults(read(REPOSITORY / "docs" / "fake.md", text))]


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("python wizard.py new --default", "unrecognized arguments: --default"),
        (".venv/bin/python wizard.py build recipes/TAG --bakend buildkit", "unrecognized arguments: --bakend"),
        ("wizard.py buld recipes/TAG", "there is no verb 'buld'"),
        ("workbench-images model chek mymodel", "model has no subverb 'chek'"),
        ("wizard.py model build mymodel --weightles", "unrecognized arguments: --weightles"),
        ("wizard.py rs run recipes/TAG --name foo --gpu 1", "unrecognized arguments: --gpu 1"),
        ("wizard.py rs prune foo --keep many", "invalid int value: 'many'"),
        ("wizard.py release freeze", "the following arguments are required: NAME"),
        ("wizard.py export elyra recipes/TAG --out a | wizard.py tag prase x", "prase"),
        ("sudo X=1 wizard.py new \\\n  --default", "unrecognized arguments: --default"),
        ('eval "$(wizard.py monobase activat)"', "monobase has no subverb 'activat'"),
        ("make wizzard", "the Makefile has no target wizzard"),
        ("make base OSS=bookworm", "the Makefile has no variable OSS"),
        ("make test TESTS=tests/nowhere", "there is no tests/nowhere"),
        ("cp service/workbench.servic /etc", "there is no service/workbench.servic"),
        ("python -m benchmarks.nothing", "there is no module benchmarks.nothing"),
    ],
)
def test_a_command_that_does_not_parse_is_a_fault(command: str, fault: str) -> None:
    (found,) = fake(f"Text.\n\n```sh\n{command}\n```\n")
    assert re.match(r"[45]: ", found)
    assert fault in found


@pytest.mark.parametrize(
    "command",
    [
        'wizard.py build "recipes/TAG"   # comments --are no flags',
        "WORKBENCH_BUILDER=buildkit make images RELEASE=2026a DATE=20261122",
        "wizard.py build recipes/jupyter-minimal-bookworm-py311_2026a_$(date +%Y%m%d) && echo --done",
        "wizard.py monobase exec -- python -c 'import torch' --anything",
        "wizard.py rs run localhost/mine:1 --name bar --cmd sleep --infinity",
        "python wizard.py export imagestream recipes/jupyter-* --repo quay.io/team/images | oc apply -f -",
        "podman run --rm localhost/workbench-images:TAG",
        "mkdir -p bundles/10-new/py311\necho New > bundles/10-new/display.txt",
        "wizard.py sbom recipes/TAG > TAG.cdx.json",
        "wizard.py",
        "wizard.py new --help",
    ],
)
def test_a_command_that_parses_is_none(command: str) -> None:
    assert fake(f"```sh\n{command}\n```\n") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("as `wizard.py new --default` says", "--default"),
        ("`new --default` too", "--default"),
        ("`release freez`", "invalid choice"),
        ("`release freeze --ofline`", "no flag --ofline"),
        ("`rs patch foo --gpuss 2`", "--gpuss"),
        ("`make nothing`", "the Makefile has no target nothing"),
        ("the flag `--nothing FILE`", "no verb takes --nothing"),
        ("the command `make\nwizard`", "goes on in the next line"),
        ("[a page](nowhere.md)", "the link nowhere.md leads nowhere"),
        ("[a heading](#nowhere)", "names a heading that is not there"),
        ("[another's](../README.md#nowhere)", "names a heading that is not there"),
        ("![a picture](nothing.svg)", "leads nowhere"),
        ("the file `workbench/nothing.py`", "there is no workbench/nothing.py"),
        ("the file `nothing.py`", "there is no nothing.py"),
        ("the folder `workbench/nothing/`", "there is no workbench/nothing/"),
    ],
)
def test_text_that_is_not_true_is_a_fault(text: str, fault: str) -> None:
    found, *_ = fake(text)
    assert found.startswith("1: ")
    assert fault in found


def test_toml_that_cannot_be_read_is_a_fault() -> None:
    (found,) = fake("```toml\na = b\n```\n")
    assert found.startswith("1: this is no TOML")
    assert fake('```toml\n[a]\nb = "…" # why\n```\n') == []


def test_text_that_is_true_is_none() -> None:
    text = """# A Heading: `new`, it's there

    [a heading](#a-heading-new-its-there), [a page](../README.md), ![a picture](wizard.svg), <https://example.com>

    `release freeze` needs a name here, not there; `build recipes/TAG`, `--backend buildkit`, `make wizard`, `new`,
    `workbench/cli.py`, `images/`, `releases/NAME/`, `recipes/TAG`, `bundles/*/display.txt`, `/var/lib/workbench`,
    `bundles/1-minimal`, `N-name/`, `python`, `a/b=c`, `"quote`.
    """
    assert fake("\n".join(line.strip() for line in text.splitlines())) == []


def test_a_path_may_lack_its_beginning_and_not_its_middle() -> None:
    assert exists("workbench/images/builder.py")
    assert exists("images/builder.py")
    assert exists("images")
    assert not exists("workbench/builder.py")
    assert not exists("ages/builder.py")
    assert not exists("images/build")
