"""One test, named by its number, for each fault of the original system (reference: recipes, section 13).

W9's look-up, W22 and W23 are about images: tests/images/ and tests/e2e/ have those.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue, selection
from tests.command import files_below, wizard
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.compose.possible import attempt, combinations
from workbench.compose.recipe import Recipe
from workbench.compose.resolve import resolve
from workbench.compose.stitch import compose
from workbench.errors import FaultsError, WorkbenchError
from workbench.names import is_qualified

R_BUNDLE = {"bundles/3-r/display.txt": "R", "bundles/3-r/selection-override": ""}


@pytest.fixture(scope="module")
def ours() -> Catalogue:
    return read_catalogue(str(REPOSITORY))


@pytest.fixture(scope="module")
def possible(ours: Catalogue) -> list[Recipe]:
    return [recipe for chosen in combinations(ours, "latest") if (recipe := attempt(ours, chosen)[0])]


def new(catalogue: Path, out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return wizard("new", "--catalog", catalogue, "--offline", "--defaults", "--out", out, *flags)


def scripts(ours: Catalogue) -> list[Path]:
    folders = [Path(ours.tree.root, name) for name in ("ides", "bundles", "snippets", "base")]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix == ".sh"]


def snippets(ours: Catalogue) -> list[Path]:
    found = [path for name in ("ides", "bundles", "snippets", "base") for path in Path(ours.tree.root, name).rglob("*")]
    return [path for path in found if path.is_file() and (".snippet" in path.name or path.name == "Containerfile")]


def test_w01_from_always_names_its_registry(possible: list[Recipe]) -> None:
    images = [image for recipe in possible for image in re.findall(r"^FROM (\S+)", recipe.containerfile, re.MULTILINE)]
    assert len(images) >= 24
    assert all(is_qualified(image) for image in images)


def test_w02_a_missing_file_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    done = new(make_catalogue(tmp_path, {"ides/1-editor/files/start.sh": None}), tmp_path / "out")
    assert done.returncode == 1
    assert "ides/1-editor/editor.snippet:2: COPY start.sh: the recipe has no such file" in done.stderr
    assert not (tmp_path / "out").exists()


def test_w03_a_bundle_without_packages_for_the_python_is_refused(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"bundles/1-plain/py312/requirements.txt": None})
    done = new(folder, tmp_path / "out", "--os", "bookworm", "--python", "3.12")
    assert done.returncode == 1
    assert "bundle plain has no packages for Python 3.12 (no folder py312)" in done.stderr
    recipe, reason = attempt(read_catalogue(str(make_catalogue(tmp_path, R_BUNDLE))), selection(bundle="r"))
    assert (recipe is None, reason) == (False, "")


def test_w04_another_image_may_be_the_base(tmp_path: Path) -> None:
    done = new(make_catalogue(tmp_path), tmp_path / "out", "--base", "quay.io/acme/own:1", "--json")
    assert done.returncode == 0, done.stderr
    assert "FROM quay.io/acme/own:1\n" in Path(json.loads(done.stdout)["folder"], "Containerfile").read_text()


@pytest.mark.parametrize(("flag", "prefix", "nearest"), [("--bundle", "p", "plain"), ("--ide", "run", "runtime")])
def test_w05_names_match_exactly_and_a_prefix_is_a_suggestion(
    tmp_path: Path, flag: str, prefix: str, nearest: str
) -> None:
    done = new(make_catalogue(tmp_path), tmp_path / "out", flag, prefix)
    assert done.returncode == 1
    assert f"is named '{prefix}'" in done.stderr
    assert f"did you mean {nearest}?" in done.stderr


def test_w06_devel_never_overwrites_runtime(tmp_path: Path) -> None:
    folder, out = make_catalogue(tmp_path), tmp_path / "out"
    assert new(folder, out, "--base", "cuda").returncode == 0
    before = files_below(out)
    done = new(folder, out, "--base", "cuda-devel")
    assert done.returncode == 1
    assert "base was 'cuda', now 'cuda-devel'" in done.stderr
    assert files_below(out) == before


def test_w07_a_folder_never_keeps_stale_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert new(make_catalogue(tmp_path, {"ides/1-editor/files/old.txt": "old"}), out).returncode == 0
    done = new(make_catalogue(tmp_path), out)
    assert done.returncode == 1
    assert "old.txt: is of the recipe that was there" in done.stderr
    assert new(make_catalogue(tmp_path), out, "--force").returncode == 0
    assert not [path for path in files_below(out) if path.endswith("old.txt")]


def test_w08_every_label_is_whole(possible: list[Recipe]) -> None:
    assert len(possible) >= 24
    for recipe in possible:
        chosen = recipe.selection
        labels = re.findall(r'^\s*(?:LABEL )?([\w.-]+)="([^"]*)"', recipe.sections[-1].text, re.MULTILINE)
        assert len(labels) >= 7
        kind = "runtime" if chosen.ide == "runtime" else "workbench"
        assert dict(labels)["summary"] == f"{kind} image: {chosen.ide}, bundle {chosen.bundle}"
        assert not [value for _, value in labels if "  " in value or not value.strip() or "$" in value]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--release", "../../x"), "'../../x' cannot be a release name"),
        (("--date", "99999999"), "99999999 is no day of the calendar"),
        (("--date", "2026"), "'2026' is not a date"),
    ],
)
def test_w09_release_and_date_are_checked(tmp_path: Path, flags: tuple[str, str], message: str) -> None:
    done = new(make_catalogue(tmp_path), tmp_path / "out", *flags)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_w10_blanks_and_odd_signs_make_no_stray_folders(tmp_path: Path) -> None:
    out = tmp_path / "my recipes; echo $HOME"
    done = new(make_catalogue(tmp_path), out)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in out.iterdir()] == ["editor-plain-c9s-py311_2026a_" + done.stdout.split("_")[-1][:8]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalogue", out.name]
    assert f" build '{out}/" in done.stdout
    assert new(make_catalogue(tmp_path), out, "--release", "2026 a").returncode == 2


@pytest.mark.parametrize("flag", ["--release", "--date", "--base", "--os", "--python", "--bundle", "--ide"])
def test_w11_what_is_typed_is_never_evaluated(tmp_path: Path, flag: str) -> None:
    mark = tmp_path / "mark"
    text = f"a[$(touch {mark})];touch {mark};`touch {mark}`;$(touch {mark})"
    done = new(make_catalogue(tmp_path), tmp_path / "out", f"{flag}={text}")
    assert done.returncode in (1, 2)
    assert not mark.exists()
    assert not (tmp_path / "out").exists()


def test_w12_nothing_hides_the_libraries_of_a_cuda_base(ours: Catalogue) -> None:
    for path in snippets(ours):
        for value in re.findall(r"LD_LIBRARY_PATH=(\S+)", path.read_text()):
            assert "$" in value, f"{path} sets LD_LIBRARY_PATH without keeping what the base set"


def test_w13_a_large_recipe_is_no_matter(tmp_path: Path) -> None:
    text = "".join(f"RUN echo {number} {'x' * 100}\n" for number in range(3000))
    files = {"bundles/1-plain/custom/custom.snippet": text}
    done = new(make_catalogue(tmp_path, files), tmp_path / "out", "--no-lint")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.UTF-8", "et_EE.UTF-8"])
def test_w14_the_order_is_the_numbers_under_any_locale(tmp_path: Path, locale: str) -> None:
    names = ["10-ten", "2-two", "09-nine", "zulu", "Alpha"]
    folder = make_catalogue(tmp_path, {f"bundles/{name}/display.txt": name for name in names})
    done = wizard("list", "bundles", "--json", "--catalog", folder, env={"LC_ALL": locale})
    listed = [bundle["name"] for bundle in json.loads(done.stdout)["bundles"]]
    assert listed == ["plain", "two", "nine", "ten", "Alpha", "zulu"]


def test_w15_labels_and_lists_do_not_drift(ours: Catalogue) -> None:
    """A version in a label must be one that the bundle's own lock holds, for every Python."""
    for bundle in ours.bundles.values():
        for version in re.findall(r"\d+(?:\.\d+)+(?:(?:a|b|rc)\d+)?", bundle.display):
            for python in bundle.pythons:
                lock = ours.tree.text(f"{bundle.folder}/{python}/requirements.txt")
                assert re.search(rf"=={re.escape(version)}(?![0-9a-z])", lock), f"{bundle.folder}/{python}: {version}"
    texts: dict[str, Path] = {}
    for path in [*scripts(ours), *snippets(ours)]:
        assert texts.setdefault(path.read_text(), path) == path, f"{path} repeats {texts[path.read_text()]}"


def test_w16_system_registry_python_and_cuda_are_data(tmp_path: Path) -> None:
    release = (
        'repository = "registry.example.com:5000/team/images"\n'
        + RELEASE.replace("13.0.2", "14.1").replace("os.c9s", "os.fedora44").replace('os = "c9s"', 'os = "fedora44"')
    ).replace('"3.11"', '"3.15"')
    files = {
        "releases/2026a.toml": None,
        "releases/2029z.toml": release,
        "bundles/1-plain/py315/requirements.txt": "attrs==25.1.0\n",
    }
    done = new(make_catalogue(tmp_path, files), tmp_path / "out", "--base", "cuda", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["tag"].startswith("cuda-editor-plain-fedora44-py315_2029z_")
    image = "registry.example.com:5000/team/images:cuda-fedora44-py315-runtime-cudnn_2029z_"
    assert f"FROM {image}" in Path(report["folder"], "Containerfile").read_text()


def test_w17_no_recipe_is_checked_in_and_no_job_is_dead() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=REPOSITORY, check=True).stdout
    assert not [path for path in tracked.splitlines() if path.endswith("/recipe.toml")]
    jobs = re.findall(r"^([a-z][a-z-]*):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert len(jobs) >= 10
    verbs = set(re.findall(r"\$\(RUN\) ([a-z-]+)", (REPOSITORY / "Makefile").read_text()))
    for verb in verbs:
        assert wizard(verb, "--help").returncode == 0, verb


def test_w18_text_needs_no_podman_no_network_and_no_terminal(tmp_path: Path) -> None:
    nothing = tmp_path / "empty"
    nothing.mkdir()
    env = {"PATH": str(nothing), "https_proxy": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    folder = make_catalogue(tmp_path)
    done = wizard("new", "--catalog", folder, "--defaults", "--dry-run", env=env)
    assert done.returncode == 0, done.stderr
    assert "podman" in done.stderr, "that the base image was not looked up is reported"
    assert "FROM localhost/workbench-images:base-c9s-py311_2026a_" in done.stdout
    assert wizard("list", "--catalog", folder, env=env).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalogue", "empty"]


def test_w19_what_is_installed_is_pinned_and_checked(ours: Catalogue) -> None:
    lists = list(REPOSITORY.glob("*/*/py*/requirements*.txt"))
    assert len(lists) >= 14
    for path in lists:
        for line in path.read_text().splitlines():
            assert re.match(r"[A-Za-z0-9._-]+(\[[^]]+])?==\S+.* --hash=sha256:[0-9a-f]{64}", line), f"{path}: {line}"
    for path in REPOSITORY.glob("*/*/py*/Pipfile"):
        data = tomllib.loads(path.read_text())
        for source in data.get("source", []):
            # An index by its variable: no address of anybody's gets into what is kept.
            assert source["verify_ssl"] and re.fullmatch(r"\$\{[A-Z_]+_INDEX_URL\}", source["url"]), path
    for path in snippets(ours):
        for line in path.read_text().splitlines():
            assert not re.match(r"\s*ADD\s+(?!--checksum)\S*://", line), f"{path}: an address without a checksum"
            assert "trusted=yes" not in line
            assert "--nogpgcheck" not in line


def test_w20_no_python_is_past_its_end(ours: Catalogue) -> None:
    # End of security fixes by CPython's own schedule (PEP 664, 693, 719, 745), as (year, month).
    ends = {"3.11": (2027, 10), "3.12": (2028, 10), "3.13": (2029, 10), "3.14": (2030, 10)}
    for name, release in ours.releases.items():
        for pins in release.systems.values():
            for python in pins.pythons:
                assert ends[python] > (int(name[:4]), 12), f"release {name} names Python {python}"


def test_w21_a_recipe_can_be_made_again_from_its_manifest(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    first = new(folder, tmp_path / "a", "--date", "20261122", "--base", "cuda", "--os", "bookworm")
    assert first.returncode == 0, first.stderr
    (manifest,) = (tmp_path / "a").glob("*/recipe.toml")
    second = wizard("new", "--catalog", folder, "--offline", "--answers", manifest, "--out", tmp_path / "b")
    assert second.returncode == 0, second.stderr
    assert files_below(tmp_path / "a") == files_below(tmp_path / "b")


def test_w24_a_list_that_names_no_package_is_refused(tmp_path: Path) -> None:
    files = {"bundles/1-plain/py311/requirements-editor.txt": "-i https://example.com\n--extra-index-url x\n"}
    done = new(make_catalogue(tmp_path, files), tmp_path / "out")
    assert done.returncode == 1
    assert "requirements-editor.txt: names no package" in done.stderr


def test_w25_an_empty_folder_is_a_fault_and_no_section(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    for name in ("os", "custom", "builder", "py312"):
        for file in (folder / "bundles/1-plain" / name).glob("*"):
            file.unlink()
        (folder / "bundles/1-plain" / name).mkdir(exist_ok=True)
    with pytest.raises(FaultsError) as caught:
        read_catalogue(str(folder))
    assert [where for where, _ in caught.value.faults] == [
        "bundles/1-plain/builder",
        "bundles/1-plain/custom",
        "bundles/1-plain/os",
        "bundles/1-plain/py312",
    ]


def test_w26_no_base_is_flattened(ours: Catalogue) -> None:
    bases = list(REPOSITORY.glob("base/*/Containerfile"))
    assert len(bases) == len(ours.systems)
    for path in bases:
        assert not re.search(r"COPY\s+(--\S+\s+)*/\s+/\s*$", path.read_text(), re.MULTILINE), path


def test_w27_a_script_reads_only_what_its_own_ide_brings(ours: Catalogue) -> None:
    for ide in ours.ides.values():
        brought = ours.tree.walk(f"{ide.folder}/files")
        for name in brought:
            if name.endswith(".sh"):
                text = ours.tree.text(f"{ide.folder}/files/{name}")
                for sourced in re.findall(r"^\s*(?:\.|source)\s+(\S+)", text, re.MULTILINE):
                    assert Path(sourced).name in {Path(path).name for path in brought}, f"{ide.name}: {sourced}"


def test_w28_no_file_is_rewritten_by_piping_it_into_itself(ours: Catalogue) -> None:
    for path in [*scripts(ours), *snippets(ours)]:
        for line in path.read_text().splitlines():
            for target in re.findall(r">\s*([^\s&|;]+)", line):
                assert target == "/dev/null" or target not in line.partition(">")[0], f"{path}: {line}"


def test_w29_the_server_gets_the_signals(ours: Catalogue) -> None:
    """A start script ends in exec, so that the server is what the platform's TERM reaches."""
    starts = [path for path in scripts(ours) if path.name.startswith(("start-", "run-"))]
    assert starts
    for path in starts:
        commands = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith((" ", "#"))]
        assert commands[-1].startswith("exec "), f"{path}: {commands[-1]}"


def test_w30_scripts_are_read_one_by_one_and_append_nothing(ours: Catalogue) -> None:
    for path in scripts(ours):
        text = path.read_text()
        assert not re.search(r"^\s*(?:\.|source)\s+\S*\*", text, re.MULTILINE), f"{path} sources a pattern"
        assert not re.search(r">>\s*\"?/(?:etc|opt|usr)", text), f"{path} appends to a file at every start"


def test_every_fault_has_its_test() -> None:
    """The numbers W1 to W30, here and in the tests of built images."""
    text = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    named = {int(number) for number in re.findall(r"def test_w(\d\d)_", text)}
    assert named == set(range(1, 31))


def test_the_errors_are_ours(ours: Catalogue) -> None:
    with pytest.raises(WorkbenchError, match="no bundle is named 'l'"):
        compose(resolve(ours, selection(bundle="l", ide="jupyter", os="bookworm")))
