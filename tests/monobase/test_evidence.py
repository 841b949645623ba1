"""Damaged evidence: what a record, marker, link or script says is used only when it is what was written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.damages import Place, snapshot
from tests.monobase.shells import source
from tests.monobase.wheels import MINOR, SITE, python_flag, toolchain_at
from workbench.errors import WorkbenchError
from workbench.monobase.activation import activate
from workbench.monobase.damage import ACCESS, CHANGED, EXTRA, MARKER, MISSING, RECORD
from workbench.monobase.documents import with_digest
from workbench.monobase.install import Toolchain
from workbench.monobase.leases import take
from workbench.monobase.prefix import builder
from workbench.monobase.prune import prune
from workbench.monobase.select import is_outside


def record_of(place: Place, package: str) -> Path:
    """The record of a package."""
    [path] = [path for path in (place.root / "store/wheels").iterdir() if f'"name":"{package}"' in path.read_text()]
    return path


def found_in(place: Place) -> set[tuple[str, str]]:
    return {(one.kind, one.where) for one in place.verify().damage}


def mend(place: Place) -> list[str]:
    """Repair, then build; return what the repair could not do."""
    failed = [f"{name}: {reason}" for name, reason in place.repair().failed]
    assert place.build() == []
    return failed


def without(path: Path, part: str, *, believable: bool) -> None:
    """Take what has `part` in its name out of a record; a `believable` one has its right digest below."""
    body = path.read_text().rpartition("sha256:")[0] or path.read_text()
    data = json.loads(body)
    data["files"] = {name: entry for name, entry in data["files"].items() if part not in name}
    text = json.dumps(data, indent=0, separators=(",", ":")) + "\n"
    path.write_text(with_digest(text) if believable else text)


@pytest.mark.parametrize("believable", [False, True])
def test_a_damaged_record_takes_nothing_from_an_environment_that_lives(place: Place, believable: bool) -> None:
    without(record_of(place, "tool"), "tool/__init__", believable=believable)
    assert {kind for kind, _ in found_in(place)} == {RECORD}
    shutil.rmtree(place.data.with_name("index"), ignore_errors=True)
    assert place.repair().failed == []  # from the environment: nothing is fetched
    run = subprocess.run([place.environment("plain") / "bin/python", "-c", "import tool; tool.main()"], text=True)
    assert run.returncode == 0
    assert snapshot(place.root) == place.whole


def test_a_path_that_leaves_the_environment_is_written_nowhere(place: Place, tmp_path: Path) -> None:
    record = record_of(place, "extra")
    body = json.loads(record.read_text().rpartition("sha256:")[0])
    entry = next(iter(body["files"].values()))
    body["files"] = {**body["files"], "../../../../outside": entry, "/tmp/workbench-outside": entry}
    record.write_text(with_digest(json.dumps(body, indent=0, separators=(",", ":")) + "\n"))
    shutil.rmtree(place.environment("more"))
    assert mend(place)
    assert not (place.root / "outside").exists()
    assert not (tmp_path / "outside").exists()
    assert not Path("/tmp/workbench-outside").exists()
    assert snapshot(place.root) == place.whole


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_file_of_the_store_that_is_gone_blocks_no_build_and_is_found(place: Place, everywhere: bool) -> None:
    tools = toolchain_at(place.root)
    entry = next(one for one in tools.store.entries() if b"tool runs" in Path(tools.store.path(one)).read_bytes())
    if everywhere:
        shutil.rmtree(place.root / "store/files")
    else:
        os.unlink(tools.store.path(entry))
    assert entry in place.verify().damaged_entries
    shutil.rmtree(place.environment("plain", 2))
    assert place.build() == []
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


@pytest.mark.parametrize("name", ["activate.sh", "exec.sh", "site/sitecustomize.py"])
def test_the_scripts_that_models_run(place: Place, name: str) -> None:
    script = place.root / "bin" / name
    script.write_text(script.read_text() + "# more\n")
    (place.root / "bin/site/os.py").write_text("")
    assert found_in(place) == {(CHANGED, f"bin/{name}"), (EXTRA, "bin/site/os.py")}
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


def test_metadata_that_are_no_text(place: Place) -> None:
    for name in ("METADATA", "RECORD"):
        path = place.environment("plain") / SITE / "tool-1.0.dist-info" / name
        path.chmod(0o644)
        path.write_bytes(b"\xf4\xff" + path.read_bytes())
        assert place.is_found()
        assert place.repair().failed == []
        place.build()
        assert not place.is_found()
        assert snapshot(place.root) == place.whole


def test_an_empty_folder_that_would_shadow_a_package(place: Place) -> None:
    (place.environment("plain") / SITE / "torch").mkdir()
    assert found_in(place) == {(EXTRA, f"monobase/g00001/python{MINOR}-plain/{SITE}/torch")}
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


def variables(place: Place, stack: str) -> dict[str, str]:
    return {
        "MONOBASE_PREFIX": str(place.root),
        "R8_PYTHON_VERSION": MINOR,
        "MONOBASE_STACK": stack,
        "MONOBASE_GEN_ID": "1",
        "MONOBASE_ALLOW_CONFLICTS": "1",
        "PATH": os.defpath,
    }


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_only_what_the_manifest_names_is_activated(place: Place, shell: str) -> None:
    """Neither a copy beside the environments, nor another one in the place of one of them."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    shutil.copytree(place.environment("plain"), place.environment("evil"), symlinks=True)
    shutil.rmtree(place.environment("more"))
    shutil.copytree(place.environment("plain"), place.environment("more"), symlinks=True)
    for stack, works in (("plain", True), ("evil", False), ("more", False)):
        given = variables(place, stack)
        code, _, printed = source(shell, given, script=place.root / "bin/activate.sh")
        assert (code == 0) == works, printed
        if works:
            assert activate(str(place.root), given).environment == f"python{MINOR}-{stack}"
        else:
            with pytest.raises(WorkbenchError, match=f"g00001 has no environment python{MINOR}-{stack}"):
                activate(str(place.root), given)
    assert found_in(place) == {
        (EXTRA, f"monobase/g00001/python{MINOR}-evil"),
        (MARKER, f"monobase/g00001/python{MINOR}-more/.done"),
    }
    mend(place)
    assert snapshot(place.root) == place.whole


def test_an_environment_that_nobody_installed_stays_while_something_may_run_on_it(place: Place) -> None:
    shutil.copytree(place.environment("plain"), place.environment("evil"), symlinks=True)
    tools = toolchain_at(place.root)
    lease = take(tools.prefix, "g00001", tools.prefix.generation("g00001"))
    [failed] = mend(place)
    assert f"python{MINOR}-evil: nobody of ours put it there, and a process may run on it" in failed
    os.close(lease)
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


@pytest.mark.parametrize("name", ["bin", "store/wheels", "monobase/g00001", "leases/g00001", "monobase/g00001/.done"])
def test_owners_and_modes_outside_of_environments(place: Place, name: str) -> None:
    (place.root / name).chmod(0o777)
    assert found_in(place) == {(ACCESS, name)}
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


def test_owners_and_modes_within_environments(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    plain = place.environment("plain")
    (plain / SITE).chmod(0o777)
    os.chown(plain / "bin/python3", 1234, 1234, follow_symlinks=False)
    within = f"monobase/g00001/python{MINOR}-plain"
    assert found_in(place) == {(ACCESS, f"{within}/{SITE}"), (ACCESS, f"{within}/bin/python3")}
    os.chown(plain / SITE / "tool/__init__.py", 1234, -1)
    assert (CHANGED, f"{within}/{SITE}/tool/__init__.py") in found_in(place)
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


@pytest.mark.parametrize("below", ["", "{plain}/"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "nothing"])
def test_a_marker_of_every_kind(place: Place, below: str, kind: str) -> None:
    marker = place.root / "monobase/g00001" / below.format(plain=f"python{MINOR}-plain") / ".done"
    marker.unlink()
    if kind == "folder":
        (marker / "deep").mkdir(parents=True)
    elif kind == "pipe":
        os.mkfifo(marker)
    elif kind == "link":
        marker.symlink_to("/etc/passwd")
    assert place.is_found()
    with pytest.raises(WorkbenchError):
        activate(str(place.root), variables(place, "plain"))
    mend(place)
    assert snapshot(place.root) == place.whole


@pytest.mark.parametrize("layer", ["monobase", "cog"])
@pytest.mark.parametrize("target", ["", "folder", "../../elsewhere", "g00099"])
def test_a_latest_of_every_kind(place: Place, layer: str, target: str) -> None:
    latest = place.root / layer / "latest"
    latest.unlink()
    if target == "folder":
        (latest / "deep").mkdir(parents=True)
    elif target:
        latest.symlink_to(target)
    assert found_in(place) == {(CHANGED if target else MISSING, f"{layer}/latest")}
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


def test_a_link_in_the_place_of_a_folder_leads_nobody_out(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/files").mkdir(parents=True)
    shutil.rmtree(place.root / "store")
    (place.root / "store").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkbenchError, match="this must be a folder") as caught:
        place.build()
    assert "monobase repair" in caught.value.hint
    mend(place)
    assert os.listdir(tmp_path / "elsewhere/files") == []
    assert place.repair().failed == []
    assert snapshot(place.root) == place.whole


def test_the_lock_of_a_cog_that_was_changed(place: Place) -> None:
    [lock] = (place.root / "cog").glob("g*/cog1.0-*.txt")
    text = lock.read_text()
    lock.write_text(text.replace("sha256:", "sha256:0", 1))
    assert (CHANGED, str(lock.relative_to(place.root))) in found_in(place)
    assert mend(place) == []
    assert lock.read_text() == text
    assert snapshot(place.root) == place.whole


def test_what_cogs_contradict(place: Place) -> None:
    [file] = (place.root / "cog/conflicts").glob(f"*/*/g00001.python{MINOR}-plain")
    file.write_text("")
    (file.parent / "g00001.other").write_text("")
    wrong = {(EXTRA, str((file.parent / "g00001.other").relative_to(place.root)))}
    if place.whole[str(file.relative_to(place.root))] != snapshot(place.root)[str(file.relative_to(place.root))]:
        wrong.add((CHANGED, str(file.relative_to(place.root))))
    assert found_in(place) == wrong
    assert mend(place) == []
    assert snapshot(place.root) == place.whole


def test_what_is_not_ours_is_named_and_stays(place: Place) -> None:
    (place.root / "weights").mkdir()
    assert found_in(place) == {(EXTRA, "weights")}
    assert mend(place) == ["weights: nobody of ours put it there: move it away"]
    assert (place.root / "weights").is_dir()


def test_a_generation_whose_digest_differs_goes_as_the_message_says(place: Place) -> None:
    spec = place.data / "generations/g00002.toml"
    spec.write_text(spec.read_text().replace("made==2.0", "made==2.1"))
    command = ("monobase", "build", "--prefix", place.root, "--data", place.data, python_flag())
    refused = wizard(*command)
    assert refused.returncode == 1
    hint = refused.stderr.rpartition("remove it here with `")[2].partition("`")[0]
    words = hint.split()
    removed = wizard(*words[words.index("monobase") :])
    assert removed.returncode == 0, removed.stderr
    assert os.readlink(place.root / "monobase/latest") == "g00001"
    done = wizard(*command)
    assert done.returncode == 0, done.stderr
    assert os.readlink(place.root / "monobase/latest") == "g00002"
    assert wizard("monobase", "verify", "--prefix", place.root, "--data", place.data).returncode == 0


def test_prune_removes_nothing_when_nobody_can_say_what_an_environment_uses(place: Place) -> None:
    (place.environment("plain", 2) / ".done").write_text("{}")
    tools: Toolchain = toolchain_at(place.root)
    before = snapshot(place.root)
    with builder(tools.prefix), pytest.raises(WorkbenchError, match="nobody can say what this environment uses"):
        prune(tools, is_outside(2, None))
    assert snapshot(place.root) == before


def test_a_process_that_runs_while_its_environment_is_repaired(place: Place) -> None:
    """It imports what it has not imported yet, after every file of its environment was damaged and repaired."""
    plain = place.environment("plain")
    code = "import sys, tool; print('up', flush=True); sys.stdin.readline(); import editable, tool; tool.main()"
    environment = {"PYTHONPATH": f"{plain}/{SITE}/beside", "PATH": os.defpath}
    with subprocess.Popen(
        [plain / "bin/python", "-c", code], text=True, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        shutil.rmtree(plain / SITE / "beside")
        record = record_of(place, "tool")
        record.write_text("{}")
        assert mend(place) == []
        assert process.communicate("go\n", timeout=60)[0] == "tool runs\n"
    assert process.returncode == 0
    assert snapshot(place.root) == place.whole


def test_what_was_never_finished_is_named(place: Place) -> None:
    (place.root / "monobase/g00001/.done").unlink()
    done = wizard("monobase", "verify", "--prefix", place.root, "--data", place.data)
    assert done.returncode == 1
    assert "g00001" in done.stderr
    assert "its build never ended" in done.stderr
