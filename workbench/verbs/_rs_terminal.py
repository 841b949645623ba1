"""`rs exec -it`: a program in a set with our input, on our terminal or not."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import termios
import tty
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.replicasets.attachment import Attachment
    from workbench.replicasets.client import Client

# Signals that end us; the terminal is put right before that.
_ENDING = (signal.SIGTERM, signal.SIGHUP)
# What a program that was cut off may have left a terminal in: mouse reports, bracketed paste, no cursor, colours.
_SANE = b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[0m\r\n"


def exec_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs exec`."""
    parser.epilog = (
        "`rs exec -it foo` opens a shell, `rs exec -it foo -- python` another program on a terminal; "
        "`rs exec -i foo -- sh <script.sh` gives it standard input, and `rs exec foo -- nvidia-smi` nothing; "
        "it ends with the program's exit code."
    )
    parser.add_argument("-i", "--interactive", action="store_true", help="give it what is typed, or standard input")
    parser.add_argument("-t", "--tty", action="store_true", help="on a terminal, of the size of this one")
    parser.add_argument("--workdir", metavar="DIR", help="default: /; with -i or -t the image's own")
    parser.add_argument("--seconds", type=float, metavar="N", help="end it after so long (3600); not with -i or -t")
    words = parser.add_argument(
        "words", metavar="WORD", nargs="+", default=[], help="the program; with -i or -t none is a shell: bash, or sh"
    )
    # With "*" argparse (3.11) takes there to be none once a flag stands behind the set's name.
    words.required = False


def attach(client: Client, path: str, args: argparse.Namespace) -> int:
    """Run the program until it ends; return its exit code."""
    import asyncio

    from workbench.replicasets.attachment import Attachment

    if args.json or args.seconds is not None:
        raise UsageError("--json and --seconds are for programs without -i and -t")
    start: dict[str, Any] = {"cmd": args.words, "workDir": args.workdir or ""}
    if args.tty:
        found, name = (0, "input") if args.interactive else (1, "output")
        if not os.isatty(found):
            raise UsageError(
                f"-t needs a terminal, and standard {name} is none",
                hint="leave -t out to pipe" if args.interactive else "leave -t out",
            )
        rows, columns = _size()
        start["terminal"] = {"type": os.environ.get("TERM") or "xterm", "rows": rows, "columns": columns}
    terminal = _Terminal(raw=args.tty and args.interactive)
    attachment = Attachment(client, f"{path}/terminal", start, 0 if args.interactive else None, terminal.take)
    sys.stdout.flush()
    cut_off = True
    try:
        code = asyncio.run(_run(attachment, terminal, resizes=args.tty))
        cut_off = False
    finally:
        terminal.restore(cut_off=cut_off and args.tty)
    return code


async def _run(attachment: Attachment, terminal: _Terminal, *, resizes: bool) -> int:
    import asyncio

    loop, ended_by = asyncio.get_running_loop(), 0
    running = asyncio.ensure_future(attachment.run())

    def end(number: int) -> None:
        nonlocal ended_by
        ended_by = number
        running.cancel()

    def suspend() -> None:
        """Stop as any program does that is sent SIGTSTP, with the terminal as it was."""
        terminal.restore()
        os.kill(os.getpid(), signal.SIGSTOP)
        terminal.retake()
        if resizes:
            attachment.resize(*_size())

    for number in _ENDING:
        loop.add_signal_handler(number, end, number)
    loop.add_signal_handler(signal.SIGTSTP, suspend)
    if resizes:
        loop.add_signal_handler(signal.SIGWINCH, lambda: attachment.resize(*_size()))
    try:
        return await running
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return 128 + ended_by


class _Terminal:
    """The terminal on standard input: as it was, or raw while a program has it."""

    def __init__(self, *, raw: bool) -> None:
        self._raw = raw
        self._modes: list[Any] | None = None
        self._taken = False

    def take(self) -> None:
        """Make it raw where that is wanted: every byte goes to the program, which echoes what it wants."""
        if self._raw:
            self._modes = termios.tcgetattr(0)
            self.retake()

    def retake(self) -> None:
        """Make it raw again."""
        if self._modes is not None:
            # What was typed meanwhile is kept.
            tty.setraw(0, termios.TCSADRAIN)
            self._taken = True

    def restore(self, *, cut_off: bool = False) -> None:
        """Make it as it was."""
        if not self._taken:
            return
        self._taken = False
        try:
            if cut_off:
                os.write(1, _SANE)
        except OSError:
            pass  # it is gone
        try:
            termios.tcsetattr(0, termios.TCSADRAIN, self._modes or [])
        except termios.error:
            pass


def _size() -> tuple[int, int]:
    """Return the rows and columns of the terminal: that of what is written, or read."""
    for descriptor in (1, 0, 2):
        try:
            found = os.get_terminal_size(descriptor)
        except OSError:
            continue
        if found.lines and found.columns:
            return found.lines, found.columns
    return 24, 80
