from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workbench.process import called_off, descendants, in_session, stop, stop_all, stream

# A child as podman is one: a step runs below it in a session of its own, heeds no SIGTERM, and
# the child cleans up once the step has ended.
ENGINE = """\
import subprocess, sys
step = subprocess.Popen(["sh", "-c", "trap '' TERM INT; echo step $$; while :; do sleep 0.1; done"],
                        start_new_session=True)
code = step.wait()
print("cleaned up after", code, file=open(sys.argv[1], "w"))
"""


def test_lines_and_exit_code() -> None:
    lines: list[str] = []
    code = stream(["sh", "-c", r"echo one; echo two >&2; printf 'half\377'; exit 3"], lines.append)
    assert (code, lines) == (3, ["one", "two", "half\ufffd"])


def test_it_has_no_standard_input() -> None:
    lines: list[str] = []
    assert stream(["cat"], lines.append) == 0
    assert lines == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupt_ends_the_step_and_lets_the_engine_clean_up(number: signal.Signals, tmp_path: Path) -> None:
    steps: list[int] = []

    def on_line(line: str) -> None:
        steps.append(int(line.split()[1]))
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()

    with pytest.raises(KeyboardInterrupt):
        stream([sys.executable, "-c", ENGINE, str(tmp_path / "cleaned")], on_line, patience=10)
    assert (tmp_path / "cleaned").read_text() == "cleaned up after -9\n"
    assert not is_alive(steps[0])


def test_without_a_grace_period_all_processes_are_ended(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(tmp_path / "cleaned")],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    step = int(child.stdout.readline().split()[1])
    assert step in descendants(child.pid)
    stop(child)
    assert child.returncode == -signal.SIGTERM
    assert not (tmp_path / "cleaned").exists()
    wait_until_gone(step)
    child.stdout.close()


def test_a_session_has_what_outlived_its_parent() -> None:
    script = "sh -c 'sleep 60 & echo $!'; echo $$; read -r _"
    shell = subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert shell.stdout is not None and shell.stdin is not None
    orphan, leader = int(shell.stdout.readline()), int(shell.stdout.readline())
    try:
        assert leader == shell.pid
        assert orphan not in descendants(leader)
        assert in_session(leader) == [orphan]
    finally:
        os.kill(orphan, signal.SIGKILL)
        shell.communicate("\n")


def test_a_fault_in_the_watcher_ends_the_child_too() -> None:
    started: list[int] = []

    def on_line(line: str) -> None:
        started.append(int(line))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stream(["sh", "-c", "echo $$; exec sleep 60"], on_line)
    assert not is_alive(started[0])


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    stream(["true"], print)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == before


@pytest.mark.parametrize("fails", [True, False])
def test_cancelled_work_ends_with_an_interrupt(fails: bool) -> None:
    # Several at once, and all of them ended by one and the same function.
    both, called = threading.Barrier(3), threading.Event()
    caught: list[BaseException] = []

    def work() -> None:
        try:
            with called_off(called.set):
                both.wait(60)
                assert called.wait(60)
                if fails:
                    raise OSError("the other side went away")
        except BaseException as error:
            caught.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(60)
    stop_all()
    for thread in threads:
        thread.join(60)
    assert [type(error) for error in caught] == [KeyboardInterrupt, KeyboardInterrupt]


def test_work_that_is_not_cancelled_ends_by_itself() -> None:
    with called_off(print):
        pass
    with pytest.raises(OSError, match="its own"), called_off(print):
        raise OSError("its own")
    stop_all()
    with called_off(print):
        pass


def wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + 60
    while is_alive(process):
        assert time.monotonic() < deadline, f"{process} is still there"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
