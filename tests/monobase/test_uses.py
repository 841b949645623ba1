"""What runs on a generation is not removed, with a lease or without one, nor is what was used a moment ago."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.monobase.models import SEARCH, variables
from tests.monobase.shells import SHELLS
from tests.monobase.test_prune import age
from tests.monobase.wheels import MINOR, SITE, this_python
from workbench.monobase import layout
from workbench.monobase.install import Toolchain
from workbench.monobase.leases import is_used, last_use, lease_file, take, uses
from workbench.monobase.prefix import Prefix
from workbench.monobase.processes import scan
from workbench.monobase.prune import prune

NAME = f"python{MINOR}-plain"
# A process with nothing of ours in its environment, and nothing open: it prints a line when it is so far.
WAIT = "print('here', flush=True); import time; time.sleep(600)"
SPAWN = """
import subprocess, sys
code = "import os, time, tool; print('here', os.getpid(), flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
"""


@pytest.fixture
def tree(places: tuple[Path, Path], tmp_path: Path) -> Prefix:
    """A copy of a prefix with two generations, that nobody has used for long."""
    subprocess.run(["cp", "-a", str(places[0]), str(tmp_path / "prefix")], check=True)
    prefix = Prefix.at(str(tmp_path / "prefix"))
    for folder in layout.folders(prefix):
        age(prefix, folder.name)
    return prefix


def first(prefix: Prefix) -> Path:
    return Path(prefix.generation("g00001"), NAME)


def kept(prefix: Prefix) -> dict[str, str]:
    """Remove generation 1; return what is kept, and why."""
    tools = Toolchain.at(prefix)
    return dict(prune(tools, lambda place: place.name == "g00001").kept)


@contextmanager
def running(command: Sequence[str], *, env: dict[str, str], cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that has printed a line; it and the process that the line names are ended afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=env, cwd=cwd) as child:
        assert child.stdout is not None
        other = None
        try:
            words = child.stdout.readline().split()
            assert words[:1] == ["here"], words
            other = int(words[1]) if len(words) > 1 else None
            yield child
        finally:
            if other is not None:
                os.kill(other, 9)
            child.kill()


def test_a_process_in_a_session_of_its_own_is_not_removed_from_under_itself(tree: Prefix, tmp_path: Path) -> None:
    """The workload that started it has ended, and Python closed the lease that it inherited."""
    (tmp_path / "spawn.py").write_text(SPAWN)
    given = variables(Path(tree.root), tmp_path, MONOBASE_STACK="plain", MONOBASE_GEN_ID="1")
    with running([f"{tree.root}/bin/exec.sh", "python", str(tmp_path / "spawn.py")], env=given) as parent:
        assert parent.wait(20) == 0
        assert is_used(tree, "g00001")
        [reason] = kept(tree).values()
        assert reason.startswith("g00001 is in use by process ")
        assert first(tree).is_dir()
        [status] = [one for one in uses(tree).items() if one[0] == "g00001"]
        assert len(status[1]) == 1
    age(tree, "g00001")
    assert kept(tree) == {}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("by", ["activate.sh", "monobase activate"])
def test_an_activated_shell_has_a_lease_until_it_activates_another(
    tree: Prefix, tmp_path: Path, shell: str, by: str
) -> None:
    if shutil.which("flock") is None:
        pytest.skip("flock not installed")
    given = variables(Path(tree.root), tmp_path, MONOBASE_STACK="plain", MONOBASE_GEN_ID="1")
    activate = f". {tree.root}/bin/activate.sh"
    if by == "monobase activate":
        activate = f'eval "$({sys.executable} {REPOSITORY}/wizard.py monobase activate)"'
    script = f"{activate}; echo here; read line; MONOBASE_GEN_ID=2; {activate}; echo again; read line"
    before = last_use(tree, "g00001")
    program = shutil.which(shell)
    assert program is not None
    with running([program, "-c", script], env=given) as child:
        for name in ("g00001", f"cog-{os.readlink(tree.below('cog/latest'))}"):
            with open(lease_file(tree, name)) as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert kept(tree)["g00001"].startswith(f"g00001 is in use by process {child.pid} ")
        assert last_use(tree, "g00001") > before + 1000
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "again\n"
        assert "g00001" not in uses(tree)
        assert "g00002" in uses(tree)


def python_command(code: str) -> list[str]:
    return [this_python().path, "-I", "-S", "-c", code]


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("its folder", ""),
        ("an open file", "file = open(PATH)"),
        # mmap keeps a descriptor of its own.
        (
            "a mapped file",
            "import mmap, os; f = open(PATH); m = mmap.mmap(f.fileno(), 0, prot=1); os.closerange(3, 99)",
        ),
    ],
)
def test_a_process_without_a_lease_or_our_variables_counts_by(
    tree: Prefix, tmp_path: Path, where: str, code: str
) -> None:
    file = str(first(tree) / SITE / "tool/__init__.py")
    script = tmp_path / "script.py"
    script.write_text(f"PATH = {file!r}\n{code}\n{WAIT}\n")
    folder = first(tree) / "bin" if where == "its folder" else tmp_path
    with running([this_python().path, "-I", "-S", str(script)], env={}, cwd=folder) as child:
        assert kept(tree) == {"g00001": f"g00001 is in use by process {child.pid} ({comm(child.pid)})"}
    age(tree, "g00001")
    assert kept(tree) == {}


def comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_who_runs_an_environments_python_by_its_path_counts(tree: Prefix) -> None:
    command = [str(first(tree) / "bin/python"), "-c", WAIT]
    with running(command, env={}) as child:
        assert kept(tree)["g00001"].startswith(f"g00001 is in use by process {child.pid} ")


def test_another_name_for_the_prefix_or_a_mount_hides_nobody(tree: Prefix, tmp_path: Path) -> None:
    """As a container has it: its own mounts, and the generation under another name."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("not root, or no unshare: nothing can be mounted")
    (tmp_path / "elsewhere").mkdir()
    mount = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    within = ["unshare", "--mount", "sh", "-c", mount, "sh", str(first(tree).parent), str(tmp_path / "elsewhere")]
    path = {"PATH": os.environ["PATH"]}
    with running([*within, *python_command(WAIT)], env=path) as child:
        assert kept(tree)["g00001"].startswith(f"g00001 is in use by process {child.pid} ")
    (tmp_path / "link").symlink_to(tree.root)
    with running(python_command(WAIT), env={"ANY": f"/x:{tmp_path}/link/monobase/g00001/{NAME}/bin"}) as child:
        assert kept(tree)["g00001"].startswith(f"g00001 is in use by process {child.pid} ")


def test_another_prefix_with_a_generation_of_that_name_is_none_of_ours(tree: Prefix, tmp_path: Path) -> None:
    subprocess.run(["cp", "-a", tree.root, str(tmp_path / "other")], check=True)
    other = first(Prefix.at(str(tmp_path / "other")))
    with running([str(other / "bin/python"), "-c", WAIT], env={"A": str(other)}, cwd=other):
        assert kept(tree) == {}


def test_from_a_container_a_lease_is_seen_and_nothing_else_and_it_says_so(tree: Prefix, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("not root, or no unshare: there can be no other PID namespace")
    within = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, str(REPOSITORY / "wizard.py"), "monobase"]
    command = [*within, "prune", "--prefix", tree.root, "--max-gen-id", "0", "--dry-run"]

    def dry_run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)

    lease = take(tree, "g00001", tree.generation("g00001"))
    assert "g00001 is in use by a process that cannot be seen from here" in dry_run().stderr
    os.close(lease)
    age(tree, "g00001")
    with running([str(first(tree) / "bin/python"), "-c", WAIT], env={}):
        assert not scan(tree).blind_spot().startswith("processes outside")
        done = dry_run()
        assert "g00001 would be removed" in done.stdout
        assert "was not looked for among processes outside of this container" in done.stderr


def test_nothing_is_removed_before_a_grace_time_after_its_last_use_has_passed(tree: Prefix, tmp_path: Path) -> None:
    given = variables(Path(tree.root), tmp_path, MONOBASE_STACK="plain", MONOBASE_GEN_ID="1")
    for by in ([f"{tree.root}/bin/exec.sh"], [sys.executable, "wizard.py", "monobase", "exec", "--"]):
        age(tree, "g00001")
        subprocess.run([*by, "true"], env=given, check=True, cwd=REPOSITORY)
        assert kept(tree) == {"g00001": "was used 0 minutes ago: it goes 60 minutes after its last use"}
    age(tree, "g00001", 59 * 60)
    assert kept(tree) == {"g00001": "was used 59 minutes ago: it goes 60 minutes after its last use"}
    # Who looks while it is used sees when its use ends.
    age(tree, "g00001")
    with running([str(first(tree) / "bin/python"), "-c", WAIT], env={}):
        assert wizard("monobase", "status", "--prefix", tree.root).returncode == 0
    assert kept(tree) == {"g00001": "was used 0 minutes ago: it goes 60 minutes after its last use"}
    done = wizard("monobase", "prune", "--prefix", tree.root, "--gen-id", "1", "--grace", "0")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "g00001 removed")
    assert wizard("monobase", "prune", "--grace", "soon").returncode == 2


def test_who_looks_for_leases_keeps_nobody_from_one(tree: Prefix, tmp_path: Path) -> None:
    """For a moment the file is locked then: activation waits that moment."""
    given = variables(Path(tree.root), tmp_path, MONOBASE_STACK="plain", MONOBASE_GEN_ID="1")
    for attempt in range(2):
        file = open(lease_file(tree, "g00001"))  # noqa: SIM115 - closed by the timer
        fcntl.flock(file, fcntl.LOCK_EX)
        timer = threading.Timer(0.04, file.close)
        timer.start()
        if attempt:
            os.close(take(tree, "g00001", tree.generation("g00001")))
        else:
            subprocess.run([f"{tree.root}/bin/exec.sh", "true"], env=given, check=True)
        timer.join()


def test_what_is_being_removed_is_not_activated(tree: Prefix, tmp_path: Path) -> None:
    given = variables(Path(tree.root), tmp_path, MONOBASE_STACK="plain", MONOBASE_GEN_ID="1")
    with open(lease_file(tree, "g00001")) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for shell in SHELLS:
            program = shutil.which(shell)
            assert program is not None
            script = f'. {tree.root}/bin/activate.sh; echo "$? ${{MONOBASE_GENERATION-none}} $PATH"'
            done = subprocess.run([program, "-c", script], env=given, capture_output=True, text=True, check=False)
            assert done.stdout == f"1 none {SEARCH}\n"
            assert done.stderr == "error: g00001 is being removed\n  hint: activate another one\n"
        code = f'eval "$({sys.executable} {REPOSITORY}/wizard.py monobase activate)"; echo "$?" "$PATH"'
        done = subprocess.run(["sh", "-c", code], env=given, capture_output=True, text=True, check=False)
        assert done.stdout == f"1 {SEARCH}\n"
    assert time.time() - last_use(tree, "g00001") > 1000
    # Nor is half of it kept.
    cog = f"cog-{os.readlink(tree.below('cog/latest'))}"
    with open(lease_file(tree, cog)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for shell in SHELLS:
            program = shutil.which(shell)
            script = f". {tree.root}/bin/activate.sh; ls -l /proc/$$/fd"
            done = subprocess.run([str(program), "-c", script], env=given, capture_output=True, text=True, check=False)
            assert (f"{cog} is being removed" in done.stderr, "/leases/" in done.stdout) == (True, False)
