"""list, matrix, check, diff and tag: what they say, as text and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.catalogues import FILES, REPOSITORY, make_catalogue
from tests.chance import chance
from tests.command import files_below, wizard
from workbench.catalog.reader import read_catalogue
from workbench.cli import main

R = {
    "bundles/3-r/display.txt": "R",
    "bundles/3-r/selection-override": "",
    "bundles/3-r/bundle.toml": 'ides = ["runtime"]\nextends = "plain"\n',
}


def compose(catalogue: Path, out: Path, *flags: str) -> Path:
    done = wizard(
        *("new", "--catalog", catalogue, "--offline", "--defaults", "--date", "20261122"),
        *("--out", out, "--no-lint", "--json", *flags),
    )
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["folder"])


def test_list_shows_one_kind_or_all(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, R)
    assert wizard("list", "bundles", "--catalog", folder).stdout == (
        "BUNDLES\n"
        "name   display  pythons     lists  extends  cuda      oses  ides     needs  own cuda  folder\n"
        "plain  Plain    3.11, 3.12  -      -        optional  any   any      -      -         bundles/1-plain\n"
        "r      R        any         -      plain    optional  any   runtime  -      -         bundles/3-r\n"
    )
    everything = json.loads(wizard("list", "--json", "--catalog", folder).stdout)
    assert {kind: [row["name"] for row in rows] for kind, rows in everything.items()} == {
        "releases": ["2026a"],
        "oses": ["c9s", "bookworm"],
        "bundles": ["plain", "r"],
        "ides": ["editor", "runtime"],
    }


def test_matrix_gives_one_object_a_combination(tmp_path: Path) -> None:
    rows = json.loads(wizard("matrix", "--json", "--catalog", make_catalogue(tmp_path, R)).stdout)
    assert len(rows) == 4 * 3 * 2 * 2
    assert set(rows[0]) == {"selection", "possible", "reason", "tag"}
    by_tag = {(row["selection"]["base"], row["tag"]): row for row in rows}
    assert by_tag["standard", "editor-r-c9s-py311_2026a_latest"] == {
        "selection": {
            **{"release": "2026a", "date": "latest", "base": "standard", "os": "c9s", "python": "3.11"},
            **{"bundle": "r", "ide": "editor"},
        },
        "possible": False,
        "reason": "bundle r goes with runtime only",
        "tag": "editor-r-c9s-py311_2026a_latest",
    }
    assert sum(row["possible"] for row in rows) == 36


def test_matrix_filters_and_counts(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, R)
    done = wizard("matrix", "--catalog", folder, "--impossible", "--base", "standard", "--os", "c9s")
    assert done.stdout == (
        "release  base      os   python  bundle  ide     possible\n"
        "2026a    standard  c9s  3.11    r       editor  bundle r goes with runtime only\n"
        "\n1 combination, 0 possible\n"
    )
    done = wizard("matrix", "--catalog", folder, "--bundle", "rr")
    assert (done.returncode, "no bundle is named 'rr'" in done.stderr) == (1, True)


def test_matrix_groups_before_it_lists(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, R)
    done = wizard("matrix", "--catalog", folder)
    assert done.stdout == (
        "2026a: 36 of 48 combinations are possible\n"
        "\n"
        "os        python  base        possible\n"
        "c9s       3.11    standard    3 of 4\n"
        "c9s       3.11    cuda        3 of 4\n"
        "c9s       3.11    cuda-devel  3 of 4\n"
        "c9s       3.11    cuda-thin   3 of 4\n"
        "bookworm  3.11    standard    3 of 4\n"
        "bookworm  3.12    standard    3 of 4\n"
        "bookworm  3.11    cuda        3 of 4\n"
        "bookworm  3.12    cuda        3 of 4\n"
        "bookworm  3.11    cuda-devel  3 of 4\n"
        "bookworm  3.12    cuda-devel  3 of 4\n"
        "bookworm  3.11    cuda-thin   3 of 4\n"
        "bookworm  3.12    cuda-thin   3 of 4\n"
        "\n"
        "where a bundle goes with an IDE, of these 12 places\n"
        "\n"
        "bundle  editor  runtime\n"
        "plain   all     all\n"
        "r       -       all\n"
        "\n"
        "why not                          combinations\n"
        "bundle r goes with runtime only  12\n"
        "\n"
        "48 combinations, 36 possible\n"
    )
    (every,) = re.findall(r"each in a line: (.*?);", done.stderr)
    assert every.endswith(f" --catalog {folder} matrix --all")
    listed = wizard("matrix", "--catalog", folder, "--all").stdout
    assert listed.count("\n") == 1 + 48 + 2
    assert listed.endswith("\n48 combinations, 36 possible\n")


def test_matrix_composes_every_possible_one(tmp_path: Path) -> None:
    folder, out = make_catalogue(tmp_path, R), tmp_path / "all"
    done = wizard("matrix", "--catalog", folder, "--write", out, "--date", "20261122")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"48 combinations, 36 possible\n\n36 recipes in {out}\n")
    assert len(list(out.glob("*/*/recipe.toml"))) == 36
    one = compose(folder, tmp_path / "one", "--base", "cuda-devel")
    assert files_below(one) == files_below(out / "cuda-devel" / one.name)


@pytest.mark.thorough
@pytest.mark.parametrize("bundles", [4, pytest.param(1000, marks=pytest.mark.slow)])
def test_our_matrix_offers_nothing_that_cannot_be_composed(bundles: int, tmp_path: Path) -> None:
    """Some bundles of each run's own choice; all of them where there is time."""
    names = sorted(read_catalogue(str(REPOSITORY)).bundles)
    chosen = chance().sample(names, min(bundles, len(names)))
    possible = []
    for name in chosen:
        done = wizard("matrix", "--bundle", name, "--write", tmp_path, "--json")
        assert done.returncode == 0, done.stderr
        rows = [row for row in json.loads(done.stdout) if row["possible"]]
        assert rows, f"nothing goes with {name}"
        possible += rows
    folders = [str(path.parent) for path in tmp_path.glob("*/*/recipe.toml")]
    assert len(folders) == len(possible)
    checked = wizard("check", *folders)
    assert (checked.returncode, checked.stdout) == (0, f"{len(folders)} recipes, 0 faults\n"), checked.stderr


@pytest.mark.thorough
def test_check_of_our_catalogue_is_clean() -> None:
    done = wizard("check", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["possible"] >= 24


def test_check_names_what_can_never_be_chosen(tmp_path: Path) -> None:
    files = {
        "bundles/5-studio/display.txt": "Studio",
        "ides/3-odd/display.txt": "Odd",
        "ides/3-odd/odd.snippet": "USER 1001\nCOPY gone /x\nWORKDIR /opt/app-root/src\n",
        "snippets/hadolint.yaml": "ignored: [DL3013, DL3042, DL3025]\n",
    }
    done = wizard("check", "--catalog", make_catalogue(tmp_path, files), "--json")
    assert done.returncode == 1
    assert [(fault["where"], fault["error"][:50]) for fault in json.loads(done.stderr)["faults"]] == [
        ("bundles/5-studio", "can never be chosen: bundle studio has no packages"),
        ("bundles/python_packages.snippet", "DL3045: `COPY` to a relative destination without `"),
        ("ides/3-odd", "can never be chosen: ides/3-odd/odd.snippet:2: COP"),
    ]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (
            {"ides/1-editor/files/start.sh": "#!/bin/sh\n"},
            "files/start.sh: stale: changed in the catalogue",
        ),
        ({"ides/1-editor/files/more.sh": "#!/bin/sh\n"}, "ides/1-editor/files/more.sh: stale: new in the recipe"),
        (
            {"bundles/1-plain/py311/requirements-editor.txt": None},
            "editor.txt: stale: gone from the recipe",
        ),
        ({"bundles/1-plain/bundle.toml": 'cuda = "required"\n'}, "stale: bundle plain needs a CUDA base"),
        ({"ides/1-editor/files/start.sh": None}, "stale: COPY start.sh: the recipe has no such file"),
    ],
)
def test_check_finds_a_stale_recipe(tmp_path: Path, changed: dict[str, str | None], fault: str) -> None:
    folder = make_catalogue(tmp_path)
    recipe = compose(folder, tmp_path / "out")
    assert wizard("check", "--catalog", folder, recipe).returncode == 0
    make_catalogue(tmp_path, changed)
    done = wizard("check", "--catalog", folder, recipe)
    assert done.returncode == 1
    assert fault in done.stderr


def test_check_finds_what_was_done_by_hand(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    recipe = compose(folder, tmp_path / "out")
    with (recipe / "Containerfile").open("a") as file:
        file.write("COPY gone.txt ./\nRUN echo ${BASE_IMAGE}\nUSER 0\n")
    (recipe / "extra.txt").write_text("x")
    moved = recipe.rename(recipe.with_name("other"))
    done = wizard("check", "--catalog", folder, moved, tmp_path / "nowhere")
    assert done.returncode == 1
    for fault in (
        f"{moved}: is named otherwise than its tag {recipe.name}",
        f"{moved}/Containerfile:19: COPY gone.txt: the recipe has no such file",
        f"{moved}/Containerfile:21: the image would run as USER 0, and must end as USER 1001",
        f"{moved}/Containerfile: the placeholder ${{BASE_IMAGE}} is left",
        f"{moved}/Containerfile: changed by hand",
        f"{moved}/extra.txt: added by hand",
        f"{tmp_path}/nowhere: cannot be read: No such file or directory",
    ):
        assert fault in done.stderr, done.stderr


def test_diff_shows_packages_files_and_containerfile(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    old = compose(folder, tmp_path / "old")
    make_catalogue(
        tmp_path,
        {
            "bundles/1-plain/py311/requirements.txt": "attrs==25.2.0\nsix==1.17.0\n",
            "bundles/1-plain/os/os-packages.txt": "git\n",
            "ides/1-editor/files/start.sh": "#!/bin/sh\n",
            "ides/1-editor/files/new.txt": "new\n",
        },
    )
    new = compose(folder, tmp_path / "new", "--base", "cuda")
    done = wizard("diff", old, new, "--json")
    report = json.loads(done.stdout)
    assert report["selection"] == {"base": {"old": "standard", "new": "cuda"}}
    assert report["packages"] == {
        "os-packages.txt": [{"name": "git", "kind": "added", "old": "", "new": ""}],
        "requirements.txt": [
            {"name": "attrs", "kind": "moved", "old": "25.1.0", "new": "25.2.0"},
            {"name": "six", "kind": "added", "old": "", "new": "1.17.0"},
        ],
    }
    assert [(change["name"], change["kind"]) for change in report["files"]] == [
        ("new.txt", "added"),
        ("start.sh", "moved"),
    ]
    text = wizard("diff", old, new).stdout
    assert "requirements.txt\n  ~ attrs 25.1.0 -> 25.2.0\n  + six 1.17.0\n" in text
    assert "+COPY os-packages.txt ./" in text
    summary = wizard("diff", old, new, "--summary").stdout
    assert "requirements.txt: 1 moved, 1 added\n" in summary
    assert "files: 1 added, 1 moved\n" in summary
    assert wizard("diff", old, old).stdout == "no difference\n"


def test_tag_goes_both_ways() -> None:
    tag = "cuda-jupyter-datascience-c9s-py312_2026a_20261122"
    parts = json.loads(wizard("tag", "parse", tag, "--json").stdout)
    assert parts == {
        **{"cuda": True, "ide": "jupyter", "bundle": "datascience", "os": "c9s", "python": "py312"},
        **{"release": "2026a", "date": "20261122"},
    }
    flags = [f"--{name}={value}" for name, value in parts.items() if name not in ("cuda", "python")]
    done = wizard("tag", "format", "--cuda", "--python=3.12", *flags)
    assert done.stdout == f"{tag}\n"
    assert wizard("tag", "parse", "emacs-none-c9s-py312_2026a_latest").returncode == 1
    assert wizard("tag", "format", "--python=3.12", *flags, "--json").stdout.count("tag") == 1


def test_a_catalogue_of_the_original_works_unchanged(tmp_path: Path) -> None:
    """Its folders moved up, yum in its snippets, no toml anywhere but the release file it never had."""
    files = {
        **FILES,
        "ides/5-runtime/display.txt": "Runtime only (no IDE)",
        "ides/5-runtime/runtime.snippet": "USER 1001\nCOPY utils /opt/app-root/bin/utils\nWORKDIR /opt/app-root/src\n",
        "ides/5-runtime/files/utils/pip.conf": "[global]\n",
        "ides/2-runtime/display.txt": None,
        "ides/2-runtime/runtime.snippet": None,
        "bundles/9-spark/display.txt": "Spark 3.4.1",
        "bundles/9-spark/builder/builder.snippet": (
            "FROM ${BASE_IMAGE} as builder\nENV SPARK_VERSION=3.4.1\nUSER 0\nWORKDIR /spark/jars\n"
            "ADD https://example.com/spark-${SPARK_VERSION}.tgz /spark\nRUN tar x $(ls *.tgz) && echo ${#x} $tmp\n"
        ),
        "bundles/9-spark/custom/custom.snippet": (
            "COPY --from=builder /spark /opt/app-root/spark\nWORKDIR /opt/app-root/src\n"
        ),
        "bundles/9-spark/os/os-packages.txt": "java-11-openjdk\nmaven\n",
        "bundles/9-spark/py311/requirements.txt": "-i https://index.example.com\npyspark==3.4.1\n",
        "bundles/8-r/display.txt": "R 4.3.1",
        "bundles/8-r/selection-override": "",
        "bundles/8-r/custom/custom.snippet": "ENV R_VERSION=4.3.1\nRUN echo ${R_VERSION}\n",
    }
    folder = make_catalogue(tmp_path, files)
    assert wizard("check", "--catalog", folder).returncode == 0
    recipe = compose(folder, tmp_path / "out", "--bundle", "spark", "--ide", "runtime")
    text = (recipe / "Containerfile").read_text()
    assert (
        "ADD https://example.com/spark-${SPARK_VERSION}.tgz /spark\nRUN tar x $(ls *.tgz) && echo ${#x} $tmp\n" in text
    )
    assert "FROM localhost/workbench-images:base-c9s-py311_2026a_20261122 as builder\n" in text


def test_our_repository_is_the_default_catalogue(tmp_path: Path) -> None:
    assert wizard("list", "ides", cwd=tmp_path).stdout == wizard("list", "ides", "--catalog", REPOSITORY).stdout


def test_a_narrow_terminal_gets_what_says_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = str(make_catalogue(tmp_path, R))
    for module in ("table", "verbs.list", "verbs._matrix"):
        monkeypatch.setattr(f"workbench.{module}.terminal_width", lambda: 60)
    assert main(["list", "bundles", "--catalog", catalogue]) == 0
    assert capsys.readouterr().out == (
        "BUNDLES\n"
        "name   display  pythons     extends  cuda      ides\n"
        "plain  Plain    3.11, 3.12  -        optional  any\n"
        "r      R        any         plain    optional  runtime\n"
    )
    monkeypatch.setattr("workbench.verbs._matrix.terminal_width", lambda: 20)
    assert main(["matrix", "--catalog", catalogue]) == 0
    assert "bundle  IDEs\nplain   editor, runtime\nr       runtime\n" in capsys.readouterr().out
