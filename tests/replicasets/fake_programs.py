"""The part of the fake engine that runs programs with input: `cat`, and what says how it ends."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workbench.replicasets.engines.capabilities import Terminal


@dataclass
class FakeAttached:
    """`cat` repeats its input, `exit N` ends at once, `flood` writes without an end, `deaf` takes nothing."""

    command: tuple[str, ...]
    workdir: str
    terminal: Terminal | None
    pieces: Any = field(default_factory=queue.Queue)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    written: int = 0
    code: int = 0
    killed: bool = False
    closed: Any = field(default_factory=queue.Queue)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        if self.command[0] == "exit":
            self.code = int(self.command[1])
            yield 2, b"ended\n"
            return
        while self.command[0] == "flood" and not self.killed:
            self.written += 32768
            yield 1, b"x" * 32768
        while (piece := self.pieces.get()) is not None:
            yield 1, piece

    def write(self, data: bytes) -> None:
        if self.command[0] == "deaf":
            self.closed.get()
        else:
            self.pieces.put(data)

    def end_input(self) -> None:
        self.pieces.put(None)

    def resize(self, rows: int, columns: int) -> None:
        self.sizes.append((rows, columns))

    def exit_code(self) -> int:
        return self.code

    def kill(self) -> None:
        self.killed = True

    def close(self) -> None:
        self.pieces.put(None)
        self.closed.put(None)


class FakePrograms:
    """See Attaching."""

    programs: list[FakeAttached]

    def attach(self, name: str, command: tuple[str, ...], workdir: str, terminal: Terminal | None) -> FakeAttached:
        program = FakeAttached(command, workdir, terminal)
        self.programs.append(program)
        return program
