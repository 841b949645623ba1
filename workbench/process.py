"""Running a long child process, and stopping it so that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import FrameType

# The children of `stream` and `captured` in all threads, and the patience that each is due.
_running: dict[subprocess.Popen[str], float] = {}
# Those of them that `stop_all` ended.
_interrupted: set[subprocess.Popen[str]] = set()
# What ends work that is no child of `stream`, by a key of its own.
_ends: dict[object, Callable[[], object]] = {}
# The keys of what `stop_all` ended.
_ended: set[object] = set()
# What is called when an interrupt comes, before anything is stopped.
_notices: list[Callable[[], object]] = []
# How many interrupts have come since the outermost `interruptible` began, and how many of those blocks there are.
_interrupts = _blocks = 0
# How long a child may take to end after SIGTERM.
GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.1


def stream(command: Sequence[str], on_line: Callable[[str], None], *, patience: float = 0) -> int:
    """Run `command`, pass each line of its output (errors included) to `on_line`, return its exit code.

    The child has a process group of its own, so a Ctrl-C at the terminal reaches this process
    only, which then stops the child in order (see `stop` for `patience`). Raises KeyboardInterrupt
    after that.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None
        with _stopped_with_us(child, patience), interruptible():
            for line in child.stdout:
                on_line(line.rstrip("\n"))
            code = child.wait()
    return code


def captured(command: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `command` in `cwd` with the environment `env`, and return its exit code and output.

    An interrupt ends it as it does `stream`'s child, without patience.
    """
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=env, start_new_session=True
        ) as child,
        _stopped_with_us(child, 0),
    ):
        out, err = child.communicate()
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def is_running(process: int) -> bool:
    """Return whether a process of this number exists, whoever it belongs to."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


@contextmanager
def _stopped_with_us(child: subprocess.Popen[str], patience: float) -> Iterator[None]:
    """Stop `child` when what is done meanwhile fails, and raise KeyboardInterrupt when `stop_all` ended it."""
    _running[child] = patience
    try:
        yield
    except BaseException:
        stop(child, patience)
        raise
    finally:
        del _running[child]
    if child in _interrupted:
        _interrupted.discard(child)
        raise KeyboardInterrupt


@contextmanager
def workers(at_once: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of threads whose tasks may have children; for the main thread.

    When what is done meanwhile fails, an interrupt above all, no other task begins, and the children of
    those that run are ended. Tasks are known by the pool, not by a list of ours: an interrupt may
    come between a task's beginning and its way into that.
    """
    with ThreadPoolExecutor(at_once) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            ending = threading.Thread(target=pool.shutdown, name="pool-ending", daemon=True)
            ending.start()
            # More than once: a task may be between two children.
            while ending.is_alive():
                stop_all()
                ending.join(_POLL_SECONDS)
            raise


def stop_all() -> None:
    """End the children of every `stream` and `captured`, and what is `called_off`: one thread only is interrupted.

    Their threads read on to the end of the output, and get a KeyboardInterrupt then.
    """
    for child, patience in list(_running.items()):
        _interrupted.add(child)
        stop(child, patience, drop=False)
    for key, end in list(_ends.items()):
        _ended.add(key)
        end()


@contextmanager
def called_off(end: Callable[[], object]) -> Iterator[None]:
    """Let `stop_all` end what is done in this block, which is no child of `stream`: it calls `end`, once or more.

    Whatever the block then raises or returns becomes a KeyboardInterrupt.
    """
    key = object()
    _ends[key] = end
    try:
        yield
    except Exception:
        if key in _ended:
            raise KeyboardInterrupt from None
        raise
    else:
        if key in _ended:
            raise KeyboardInterrupt
    finally:
        del _ends[key]
        _ended.discard(key)


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM and SIGHUP interrupt as Ctrl-C does, so that they too leave nothing behind.

    Whoever is `notified` is called first. A second signal raises nothing, wherever the cleaning up is by then: it ends
    what `stop` waits for. A third one raises again. A signal that this process ignores (nohup) stays ignored.
    """
    global _interrupts, _blocks
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        global _interrupts
        # Its own number: another signal may come while this function runs.
        count = _interrupts = _interrupts + 1
        while _notices:
            # The interrupt may have come in the middle of a write to the same stream.
            with suppress(RuntimeError):
                _notices.pop()()
        if count != 2:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    _blocks += 1
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _blocks -= 1
        _interrupts = _interrupts if _blocks else 0


@contextmanager
def notified(notice: Callable[[], object]) -> Iterator[None]:
    """Call `notice` when an interrupt comes during this block, once, before anything is stopped."""
    _notices.append(notice)
    try:
        yield
    finally:
        with suppress(ValueError):
            _notices.remove(notice)


def stop(child: subprocess.Popen[str], patience: float = 0, *, drop: bool = True) -> None:
    """End `child` and everything below it. A second Ctrl-C ends it without waiting.

    With `patience` (seconds), only what runs below in other process groups is ended at first, and
    the child may find that out by itself: podman then takes the step as failed and removes its
    working containers, which it leaves mounted when it is ended itself. Its output is read and
    dropped meanwhile, unless another thread reads it (`drop`).
    """
    below = descendants(child.pid)
    try:
        if patience and _wait(child, patience, end_guests=True, drop=drop):
            return
        below = descendants(child.pid)
        _signal_group(child.pid, signal.SIGTERM)
        _wait(child, GRACE_SECONDS, drop=drop)
    except KeyboardInterrupt:
        pass
    _signal_group(child.pid, signal.SIGKILL)
    for process in {*below, *descendants(child.pid)}:
        _signal(process, signal.SIGKILL)
    child.wait()


def _wait(child: subprocess.Popen[str], seconds: float, *, end_guests: bool = False, drop: bool = True) -> bool:
    """Return whether `child` ended within the time; with `drop` its output is read and dropped meanwhile.

    With `end_guests`, whatever below it is in another process group is ended, as it appears.
    """
    deadline = time.monotonic() + seconds
    terminated: set[int] = set()
    while child.poll() is None and time.monotonic() < deadline and _interrupts < 2:
        for process in descendants(child.pid) if end_guests else ():
            if _group(process) not in (child.pid, 0):
                # SIGTERM once, then SIGKILL: a container's first process may ignore SIGTERM.
                _signal(process, signal.SIGKILL if process in terminated else signal.SIGTERM)
                terminated.add(process)
        if drop:
            _drop_output(child)
        time.sleep(_POLL_SECONDS)
    return child.poll() is not None


def _drop_output(child: subprocess.Popen[str]) -> None:
    """Read what `child` has written, so that it does not wait for a reader instead of ending."""
    if child.stdout is not None and not child.stdout.closed:
        os.set_blocking(child.stdout.fileno(), False)
        try:
            while os.read(child.stdout.fileno(), 65536):
                pass
        except BlockingIOError:
            pass


def _group(process: int) -> int:
    """Return the process group of `process`, 0 when it has ended."""
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return 0


def descendants(process: int) -> list[int]:
    """Return the ids of all processes below `process`, the nearest first (Linux: from /proc)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat_fields(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found = list(children.get(process, ()))
    for below in found:
        found += children.get(below, ())
    return found


def in_session(leader: int) -> list[int]:
    """Return the ids of all processes of the session of `leader` but itself (Linux: from /proc)."""
    others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != leader]
    return [each for each in others if stat_fields(each)[3:4] == [str(leader)]]


def stat_fields(process: int) -> list[str]:
    """Return the fields of /proc/PROCESS/stat from the third on (proc(5)), [] when there is no such process.

    The state is at 0, the parent at 1, the session at 3, the start in ticks since the machine's at 19.
    """
    try:
        with open(f"/proc/{process}/stat", errors="replace") as stat:
            # The name in brackets, the second, may hold anything, brackets too.
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return []  # it ended meanwhile


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except (ProcessLookupError, PermissionError):
        pass  # it ended already, or is another user's (a set-uid helper)


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        pass
