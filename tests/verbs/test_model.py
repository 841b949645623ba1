"""`wizard.py model` as a user calls it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import files_below, wizard
from tests.monobase.models import index_in, offline
from tests.monobase.wheels import Index
from workbench.commands import here

# What the release has on the operating system of models, whichever Python runs the tests.
PYTHON = "3.11"
CODE = "from cog import BasePredictor\n\n\nclass Predictor(BasePredictor):\n    def predict(self, n: int) -> int: ...\n"
CONFIG = (
    f"build:\n  python_version: '{PYTHON}'\n  python_packages: [model, 'cog==2.0']\npredict: predict.py:Predictor\n"
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Tiny wheels, two cogs among them, in place of the package index."""
    return index_in(tmp_path_factory.mktemp("wheels"))


def model(folder: Path, config: str = CONFIG, code: str = CODE) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cog.yaml").write_text(config)
    (folder / "predict.py").write_text(code)
    return folder


def check(folder: Path, index: Index, *flags: object) -> subprocess.CompletedProcess[str]:
    return wizard("model", "check", folder, *flags, env=offline(index))


def test_init_writes_a_model_and_never_over_one(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    done = wizard("model", "init", folder)
    assert (done.returncode, done.stdout) == (0, f"{folder}/cog.yaml\n{folder}/predict.py\n")
    assert files_below(folder) == files_below(REPOSITORY / "models/template")
    (folder / "cog.yaml").unlink()
    (folder / "predict.py").write_text("mine")
    done = wizard("model", "init", folder)
    assert (done.returncode, done.stderr) == (
        1,
        "error: nothing was written\n"
        f"  {folder}/predict.py: exists already\n"
        "  hint: name another folder: existing files are never replaced\n",
    )
    assert files_below(folder) == {"predict.py": b"mine"}


def test_check_shows_what_is_requested_and_what_it_gets(tmp_path: Path, index: Index) -> None:
    folder = model(tmp_path / "shown")
    done = check(folder, index)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "what      requested             gets                           source\n"
        "image     -                     localhost/models/shown:latest\n"
        f"python    {PYTHON:<20}  {PYTHON:<29}  cog.yaml:2\n"
        "gpu       -                     no\n"
        "cuda      -                     none\n"
        "cudnn     -                     none\n"
        "model     any                   1.0\n"
        "cog       ==2.0                 2.0\n"
        "packages  2                     2 and 1 that they need         not kept yet\n"
        "predict   predict.py:Predictor  predict.py:Predictor           cog.yaml:4\n"
        "schema    -                     inputs are checked             read from the code\n"
        "base      -                     standard\n"
    )
    report = json.loads(check(folder, index, "--json").stdout)
    assert report["resolved"]["packages"] == {"cog": "2.0", "model": "1.0", "schema": "2.0"}
    assert not (folder / "model.lock").exists()


def test_an_input_that_is_wrong_is_named_before_anything_is_built(tmp_path: Path, index: Index) -> None:
    """Not even the base is looked for: there is none here."""
    folder = model(tmp_path / "asked")
    common = ("model", "run", folder, "--date=20000101")
    done = wizard(*common, env=offline(index))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the input n is missing\n"
        "  hint: give -i n=…\n"
        "    input  type     default   what\n"
        "    n      integer  required\n"
    )
    done = wizard(*common, "-i", "n=one", env=offline(index))
    assert done.stderr.startswith("error: the input n: 'one' is no integer\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["push"], "localhost/models/named:latest names no registry"),
        (["push", ".", "a/b", "--image=c/d"], "more than one image is named"),
        (["serve", "--port=65536"], "'65536' is no port"),
        (["exec", "--no-gpus"], "there is no command to run"),
        (["serve", "--env=NO_SUCH_VARIABLE"], "--env NO_SUCH_VARIABLE: this shell has no such variable"),
    ],
)
def test_what_cannot_be_pushed_or_served_is_refused_first(
    tmp_path: Path, index: Index, words: list[str], message: str
) -> None:
    folder = model(tmp_path / "named")
    done = wizard("model", *words, cwd=folder, env=offline(index))
    assert done.returncode == 2 and done.stderr.startswith(f"error: {message}\n"), done.stderr


def test_a_lock_is_kept_until_what_it_was_made_from_changes(tmp_path: Path, index: Index) -> None:
    folder = model(tmp_path / "kept", CONFIG.replace("model,", "schema,").replace("'cog==2.0'", "'cog==1.0'"))
    assert check(folder, index, "--locked").stderr.startswith(
        f"error: {folder}/model.lock: model.lock does not exist, and --locked makes none\n"
    )
    done = check(folder, index, "--lock")
    assert f"wrote {folder}/model.lock" in done.stderr
    first = (folder / "model.lock").read_text()
    assert "schema==1.0" in first and "--hash=sha256:" in first
    # Without any index: none is queried.
    nowhere = {"UV_DEFAULT_INDEX": "file:///nowhere", "UV_OFFLINE": "1"}
    done = wizard("model", "check", folder, "--locked", "--json", env=nowhere)
    assert (done.returncode, json.loads(done.stdout)["lock"]["kept"]) == (0, True)
    (folder / "cog.yaml").write_text(CONFIG)
    done = check(folder, index, "--locked")
    assert "model.lock was made from other requirements, and --locked makes none" in done.stderr
    assert check(folder, index, "--lock").returncode == 0
    assert "schema==2.0" in (folder / "model.lock").read_text()
    (folder / "cog.yaml").write_text(CONFIG.replace("model,", "schema,").replace("'cog==2.0'", "'cog==1.0'"))
    assert check(folder, index, "--lock").returncode == 0
    assert (folder / "model.lock").read_text() == first


def test_a_damaged_lock_is_no_lock(tmp_path: Path, index: Index) -> None:
    folder = model(tmp_path / "damaged")
    assert check(folder, index, "--lock").returncode == 0
    lock = folder / "model.lock"
    lock.write_text(lock.read_text().replace("--hash=sha256:", "--hash=md5:"))
    done = check(folder, index)
    assert done.returncode == 1
    assert "the requirements are not locked" in done.stderr


def test_a_requirements_file_is_read_with_the_line_of_each_fault(tmp_path: Path, index: Index) -> None:
    folder = model(
        tmp_path / "listed", CONFIG.replace("python_packages: [model, 'cog==2.0']", "python_requirements: r.txt")
    )
    (folder / "r.txt").write_text("# ours\nmodel==1.0 \\\n    --hash=sha256:00\n\ncog>=1.5  # the server\n")
    done = check(folder, index, "--json")
    assert json.loads(done.stdout)["resolved"]["packages"] == {"cog": "2.0", "model": "1.0", "schema": "2.0"}
    (folder / "r.txt").write_text("--extra-index-url https://user:pw@host/\nmodel\n-e .\nmodel==\n")
    done = check(folder, index)
    assert done.stderr == (
        f"error: {folder} has 3 faults\n"
        f"  {folder}/r.txt:1: an address with a password would be in the image: set it in UV_INDEX and "
        "PIP_EXTRA_INDEX_URL\n"
        f"  {folder}/r.txt:3: '.' is a package in the model's folder: build a wheel of it, or name its folder in "
        "PYTHONPATH\n"
        f"  {folder}/r.txt:4: 'model==' is not a requirement: Expected semicolon (after name with no version "
        "specifier) or end\n"
        f"  hint: fix them and run `{here(f'model check {folder}')}`\n"
    ).replace("Expected semicolon (after name with no version specifier) or end", _complaint("model=="))


def _complaint(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    with pytest.raises(InvalidRequirement) as caught:
        Requirement(text)
    return str(caught.value).splitlines()[0]


def test_every_fault_is_reported_in_one_go_sorted_by_line(tmp_path: Path) -> None:
    config = (
        "build:\n  gpu: yes please\n  python_version: '3.7'\n  python_requirements: none.txt\n"
        "predict: predict.py:Predicter\ntrain: train.py:train\nenviroment: [A=b]\n"
    )
    folder = model(tmp_path / "faults", config)
    done = wizard("model", "check", folder, "--json")
    assert (done.returncode, done.stdout) == (1, "")
    report = json.loads(done.stderr)
    assert report["error"] == f"{folder} has 6 faults"
    path = f"{folder}/cog.yaml"
    assert [(fault["where"].removeprefix(f"{folder}/"), fault["error"]) for fault in report["faults"]] == [
        ("none.txt", "the requirements cannot be read: No such file or directory"),
        ("cog.yaml:2", "build.gpu must be true or false, and is a text (yes please)"),
        ("cog.yaml:3", "cog 0.23.1 is for Python 3.10, 3.11, 3.12, 3.13, not 3.7"),
        ("cog.yaml:5", f"predict: {folder}/predict.py: predict.py has no 'Predicter': did you mean Predictor?"),
        ("cog.yaml:6", f"train: {folder}/train.py: cannot be read: No such file or directory"),
        ("cog.yaml:7", "cog.yaml has no key 'enviroment': did you mean environment?"),
    ]
    assert path in report["where"] or "none.txt" in report["where"]


@pytest.mark.parametrize(
    ("config", "code", "complaint"),
    [
        ("build: {}\n", CODE, "cog.yaml: predict is missing: name the class or function of a prediction, such as"),
        (CONFIG, "class Predictor:\n    pass\n", "predict.py:1: Predictor has no predict and no run"),
        (CONFIG, "def Predictor(:\n", "cog.yaml:4: predict: "),
        (
            "build:\n  gpu: true\n  cuda: '11.8'\n  python_version: '3.11'\n  python_packages: [torch==2.15.0]\n"
            "predict: predict.py:Predictor\n",
            CODE,
            "cog.yaml:3: torch 2.15.0 brings CUDA 13.2, not 11.8 (torch 2.15.0 goes with Python 3.11, 3.12, 3.13, "
            "3.14 and CUDA 13.2, cuDNN 9.26.0.51)",
        ),
        (
            "build:\n  python_version: '3.9'\n  sdk_version: 0.16.0\npredict: predict.py:Predictor\n",
            CODE,
            "cog.yaml:2: release 2026a has no Python 3.9 on bookworm",
        ),
    ],
)
def test_what_cannot_be_is_reported_with_its_line(tmp_path: Path, config: str, code: str, complaint: str) -> None:
    done = wizard("model", "check", model(tmp_path / "wrong", config, code), "--os", "bookworm")
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("python", "flags", "gets", "note"),
    [
        ("3.13", (), "3.13", "bookworm has no Python 3.13, and trixie has: that is what the image is built on"),
        (
            "3.13",
            ("--os", "bookworm"),
            "3.13.18",
            "bookworm has no Python 3.13: the image gets 3.13.18 of python-build",
        ),
        ("3.12", (), "3.12.16", "bookworm has no Python 3.12: the image gets 3.12.16 of python-build-standalone"),
        ("3.10.6", (), "3.10.22", "note: Python 3.10.6 is requested: the image has 3.10.22"),
    ],
)
def test_any_python_that_the_server_takes(
    tmp_path: Path, index: Index, python: str, flags: tuple[str, ...], gets: str, note: str
) -> None:
    folder = model(tmp_path / "python", CONFIG.replace(f"'{PYTHON}'", f"'{python}'"))
    done = check(folder, index, "--release", "2026a", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].split()[:3] == ["python", python, gets]
    assert note in done.stderr


def test_a_cuda_that_nothing_brings_must_be_the_bases(tmp_path: Path, index: Index) -> None:
    config = CONFIG.replace("build:\n", "build:\n  gpu: true\n  cuda: '{}'\n")
    folder = model(tmp_path / "cuda", config.format("11.8"))
    done = check(folder, index, "--release", "2026a", "--os", "bookworm")
    assert done.stderr == (
        "error: no package of the model brings CUDA, and release 2026a has 13.0.2, not 11.8\n"
        "  hint: 2025b has 12.9; 2026a has 13.0: --release chooses, or name a framework that brings CUDA 11.8\n"
    )
    (folder / "cog.yaml").write_text(config.format("13.0"))
    report = json.loads(check(folder, index, "--release", "2026a", "--os", "bookworm", "--json").stdout)
    assert (report["base"], report["resolved"]["cuda"]) == ("cuda", "13.0")


def test_packages_that_contradict_each_other_are_reported_in_uvs_words(tmp_path: Path, index: Index) -> None:
    done = check(model(tmp_path / "odd", CONFIG.replace("cog==2.0", "cog==1.0")), index)
    assert done.returncode == 1
    assert "cog==1.0" in done.stderr and "model" in done.stderr and "schema" in done.stderr


def test_notes_are_printed_beside_the_table(tmp_path: Path, index: Index) -> None:
    config = CONFIG.replace(f"'{PYTHON}'", f"'{PYTHON}.1'").replace("build:\n", "build:\n  cuda: '12.4'\n")
    done = check(model(tmp_path / "noted", config, CODE.replace("n: int", "n")), index)
    assert done.stderr.splitlines() == [
        f"note: Python {PYTHON}.1 is requested: the image has the {PYTHON} of its operating system",
        "note: cuda and cudnn have no effect without gpu: true",
        "note: the input n has no type",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("bulid",), 2, "model has no subverb 'bulid'"),
        (("check", "/nowhere"), 1, "there is no cog.yaml"),
        (("check", "{}", "--image", "Not An Image"), 2, "--image: 'Not An Image' is not an image name"),
        (("check", "{}", "--generation", "2"), 2, "--generation is for weightless models"),
        (("check", "{}", "--weightless", "--generation", "08"), 2, "'08' is not a generation id"),
        (("check", "{}", "--release", "1999z"), 1, "no release is named '1999z'"),
        (("build", "{}", "--secret", "token"), 2, "--secret 'token' is not valid"),
        (("build", "{}", "--on", "debian"), 2, "'debian' is not a full image name"),
        (("inspect", "No/Image"), 1, "'No/Image' is neither a folder with a cog.yaml nor an image's name"),
    ],
)
def test_a_wrong_command(tmp_path: Path, index: Index, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    folder = str(model(tmp_path / "any"))
    done = wizard("model", *(text.replace("{}", folder) for text in arguments), env=offline(index))
    assert (done.returncode, complaint in done.stderr) == (code, True), done.stderr


def test_inspect_shows_a_folder_without_fetching(tmp_path: Path, index: Index) -> None:
    folder = model(tmp_path / "inspected")
    assert check(folder, index, "--lock").returncode == 0
    report = json.loads(wizard("model", "inspect", folder, env={"UV_OFFLINE": "1"}).stdout)
    assert report["packages"] == {"cog": "2.0", "model": "1.0", "schema": "2.0"}
    assert report["config"]["predict"] == "predict.py:Predictor"
    assert "Input" in report["schema"]["components"]["schemas"]


def test_a_catalogue_that_names_no_server_is_an_error(tmp_path: Path) -> None:
    folder = model(tmp_path / "any")
    done = wizard("model", "--catalog", make_catalogue(tmp_path), "check", folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: releases/compat.toml: there is no [cog]: which server models get\n")


def test_help_has_examples() -> None:
    for subverb in ((), ("init",), ("check",), ("build",), ("inspect",)):
        done = wizard("model", *subverb, "--help")
        assert done.returncode == 0
        assert "wizard.py model" in done.stdout.replace(os.linesep, "\n")
