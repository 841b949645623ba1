from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from workbench.errors import FaultsError, WorkbenchError
from workbench.models.sources import copy_sources, source_files


def made(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


# What never goes into an image.
HOME = dict.fromkeys(
    (
        *(".env", ".env.local", "sub/.env", ".git/config", "sub/.git/x", ".venv/bin/python", "__pycache__/a.pyc"),
        *("sub/__pycache__/b.pyc", "a.pyc", ".ssh/id_rsa", "model.lock", "logs/x.log", ".cog/openapi_schema.json"),
    ),
    "",
)


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ("", ["cog.yaml", "data/a.bin", "data/keep.txt", "data/deep/b.bin", "predict.py", "sub/environment.py"]),
        (
            "# all\n*.bin\n",
            ["cog.yaml", "data/a.bin", "data/keep.txt", "data/deep/b.bin", "predict.py", "sub/environment.py"],
        ),
        ("**/*.bin\n", ["cog.yaml", "data/deep/", "data/keep.txt", "predict.py", "sub/environment.py"]),
        ("/data/\n", ["cog.yaml", "predict.py", "sub/environment.py"]),
        ("data\n!data/keep.txt\n", ["cog.yaml", "data/keep.txt", "predict.py", "sub/environment.py"]),
        ("*\n!predict.py\n", ["predict.py"]),
        (
            "data/[a-c].bin\n data/deep/../deep/ \n! sub\n",
            ["cog.yaml", "data/keep.txt", "predict.py", "sub/environment.py"],
        ),
        ("data/?.bin\nsub\n", ["cog.yaml", "data/keep.txt", "data/deep/b.bin", "predict.py"]),
        (
            "!.env\n!**/.env\n",
            ["cog.yaml", "data/a.bin", "data/keep.txt", "data/deep/b.bin", "predict.py", "sub/environment.py"],
        ),
    ],
)
def test_dockerignore_leaves_out_and_secrets_always_are(tmp_path: Path, ignore: str, expected: list[str]) -> None:
    files = dict.fromkeys(("cog.yaml", "predict.py", "data/a.bin", "data/keep.txt", "data/deep/b.bin"), "x")
    folder = made(tmp_path, {**HOME, **files, "sub/environment.py": "x", ".dockerignore": ignore})
    assert source_files(str(folder)) == sorted(expected)


def test_what_is_laid_is_the_same_for_every_umask(tmp_path: Path) -> None:
    folder = made(tmp_path / "model", {"a.py": "1", "sub/run.sh": "2"})
    (folder / "a.py").chmod(0o600)
    (folder / "sub/run.sh").chmod(0o700)
    (folder / "link").symlink_to("sub/run.sh")
    copy_sources(str(folder), source_files(str(folder)), str(tmp_path / "laid"))
    found = {
        str(path.relative_to(tmp_path / "laid")): stat.S_IMODE(path.lstat().st_mode)
        for path in (tmp_path / "laid").rglob("*")
        if not path.is_symlink()
    }
    assert found == {"a.py": 0o664, "sub": 0o775, "sub/run.sh": 0o775}
    assert os.readlink(tmp_path / "laid/link") == "sub/run.sh"
    assert stat.S_IMODE((folder / "a.py").stat().st_mode) == 0o600


def test_a_byte_order_mark_hides_no_line(tmp_path: Path) -> None:
    folder = made(tmp_path, {"key.pem": "private", "a.py": "", ".dockerignore": "\ufeffkey.pem\r\n"})
    assert source_files(str(folder)) == ["a.py"]


def test_a_broken_pattern_is_a_fault_with_its_line(tmp_path: Path) -> None:
    folder = made(tmp_path, {"a.py": "", ".dockerignore": "# [\n*.pyc\nkey[\n!\n"})
    with pytest.raises(FaultsError) as caught:
        source_files(str(folder))
    path = f"{folder}/.dockerignore"
    assert caught.value.faults == [
        (f"{path}:3", "'key[' is no pattern: a set ([…]) that does not end, or is none"),
        (f"{path}:4", "'!' is no pattern: an exception of nothing"),
    ]


def test_empty_folders_arrive(tmp_path: Path) -> None:
    folder = made(tmp_path / "model", {"a.py": "", "sub/x.log": "", ".dockerignore": "**/*.log\nout\n"})
    (folder / "weights/deep").mkdir(parents=True)
    (folder / "out").mkdir()
    files = source_files(str(folder))
    assert files == ["a.py", "sub/", "weights/deep/"]
    copy_sources(str(folder), files, str(tmp_path / "laid"))
    assert sorted(path.relative_to(tmp_path / "laid").as_posix() for path in (tmp_path / "laid").rglob("*")) == [
        *("a.py", "sub", "weights", "weights/deep")
    ]
    assert stat.S_IMODE((tmp_path / "laid/weights/deep").stat().st_mode) == 0o775


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, target: str) -> None:
    folder = made(tmp_path / "model", {"a.py": ""})
    (tmp_path / "outside").write_text("private")
    (folder / "link").symlink_to(target)
    with pytest.raises(WorkbenchError) as caught:
        source_files(str(folder))
    assert (caught.value.message, caught.value.where) == ("the link leads out of the model's folder", f"{folder}/link")
    (folder / ".dockerignore").write_text("link\n")
    assert source_files(str(folder)) == ["a.py"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WorkbenchError, match="is neither file nor folder"):
        source_files(str(tmp_path))
