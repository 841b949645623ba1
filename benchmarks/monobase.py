"""Shared environments against uv alone: the disk that they take, and the time of a generation that is hardly new."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from workbench.monobase.environment import LINK, manifest_of, read_marker
from workbench.monobase.fill import BUILT, EnvironmentOutcome, FillRequest, fill
from workbench.monobase.generation import Environment, Generation
from workbench.monobase.inspection import files_below
from workbench.monobase.install import Toolchain
from workbench.monobase.interpreters import Interpreter, find
from workbench.monobase.layout import generations
from workbench.monobase.mirrors import Mirrors
from workbench.monobase.names import generation_name
from workbench.monobase.prefix import Prefix, builder
from workbench.monobase.uv import Uv, find_uv

_BLOCK = 512
SET = Path(__file__).with_suffix(".toml")


class _QuietFill:
    """A FillWatcher that shows nothing."""

    def begin(self, generation: str, environment: str) -> None:
        """Nothing."""

    def end(self, outcome: EnvironmentOutcome) -> None:
        """Stop when it was not built: it would measure nothing."""
        if outcome.status != BUILT:
            raise SystemExit(f"{outcome.generation}/{outcome.environment}: {outcome.status} {outcome.reason}")


def cache_folder() -> Path:
    """Return where wheels are kept between runs: WORKBENCH_BENCH_CACHE, or the user's cache."""
    given = os.environ.get("WORKBENCH_BENCH_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(given or Path.home() / ".cache") / "workbench-images-bench"


def monobase() -> None:
    """Environments that share their files, against uv alone: disk, and time (12 GB for a while)."""
    # Below the cache: links need one file system.
    root = cache_folder()
    root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="monobase-", dir=root))
    try:
        _measure(work, root / "uv")
    finally:
        shutil.rmtree(work)


def _measure(work: Path, cache: Path) -> None:
    chosen = tomllib.loads(SET.read_text())
    jobs = os.cpu_count() or 1
    uv = find_uv(Prefix.at(str(work))).with_cache(str(cache))
    pythons = {minor: python_of(minor) for minor in chosen["pythons"]}
    first = locks_of(work / "locks1", uv, pythons, chosen, lambda line: line)
    old, new = chosen["bump"]
    bumped = locks_of(work / "locks2", uv, pythons, chosen, lambda line: new if line == old else line)
    for locks in (first, bumped):  # every wheel into the cache: what is measured is warm
        _peer(work / "warm", uv, pythons, locks, {})
        shutil.rmtree(work / "warm")

    prefix = Prefix.at(str(work / "prefix"))
    ours = []
    for number, locks in ((1, first), (2, bumped), (3, bumped)):
        began = time.monotonic()
        filled(prefix, uv, pythons, number, locks, jobs)
        ours.append(time.monotonic() - began)
        if number == 1:
            four = _disk(prefix)
    twelve = _disk(prefix)
    shutil.rmtree(prefix.root)

    peers: dict[str, list[float]] = {}
    settings: dict[str, dict[str, str]] = {
        "uv, hard links, no bytecode": {},
        "uv, copies, no bytecode": {"UV_LINK_MODE": "copy"},
        "uv, hard links, bytecode in each": {"UV_COMPILE_BYTECODE": "1"},
    }
    for name, setting in settings.items():
        peers[name] = []
        for locks in (bumped, first):
            began = time.monotonic()
            _peer(work / "peer", uv, pythons, locks, setting)
            peers[name].append(time.monotonic() - began)
            shutil.rmtree(work / "peer")
    linked = _peer_disk(work, uv, pythons, (first, bumped, bumped))

    print("disk (MiB; limit: every distinct file once; aim: at or above 0.98 of it)")
    print(f"  {'':<34}{'separate':>10}{'uv links':>10}{'ours':>10}{'limit':>10}  of limit  with folders  shared")
    for title, found, peer in (("4 environments", four, linked[0]), ("3 generations of 4", twelve, linked[1])):
        separate, files, folders, limit = found
        print(
            f"  {title:<34}{_mib(separate)}{_mib(peer)}{_mib(files)}{_mib(limit)}"
            f"  {limit / files:8.3f}  {limit / (files + folders):12.3f}  {separate / files:5.2f}x"
        )
    print("  (uv links: without bytecode, which is in all other columns)")
    print("one generation of 4 environments, all wheels in uv's cache (s; times slower than ours)")
    print(f"  {'':<34}{'one package bumped':>24}{'nothing new':>24}")
    print(f"  {f'monobase, bytecode, {jobs} jobs':<34}{ours[1]:24.2f}{ours[2]:24.2f}")
    for name, (second, third) in peers.items():
        print(f"  {name:<34}{second:14.2f} {second / ours[1]:8.1f}x{third:14.2f} {third / ours[2]:8.1f}x")
    print(f"  aim: 12 times faster than bytecode in each; the first generation, whose bytecode is new: {ours[0]:.1f} s")


def python_of(minor: str) -> Interpreter:
    """Return a Python: the one that WORKBENCH_BENCH_PYTHONS ("3.12=/path …") names, else one that is found."""
    given = dict(word.split("=", 1) for word in os.environ.get("WORKBENCH_BENCH_PYTHONS", "").split())
    return find(Prefix.at("/nonexistent"), minor, given)


def locks_of(
    folder: Path,
    uv: Uv,
    pythons: Mapping[str, Interpreter],
    chosen: dict[str, dict[str, list[str]]],
    change: Callable[[str], str],
) -> dict[str, Path]:
    """Lock each stack of `chosen` for each Python, each line as `change` makes it; return them by environment."""
    folder.mkdir()
    found = {}
    for stack, packages in chosen["stacks"].items():
        for minor, python in pythons.items():
            unlocked, lock = folder / "unlocked.in", folder / f"python{minor}-{stack}.txt"
            unlocked.write_text("".join(f"{change(line)}\n" for line in (*chosen["packages"], *packages)))
            flags = ("--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--only-binary", ":all:")
            about = f"resolving {lock.stem}"
            uv.run(
                "pip",
                "compile",
                *flags,
                "--python",
                python.path,
                str(unlocked),
                "--output-file",
                str(lock),
                about=about,
            )
            found[lock.stem] = lock
    return found


def filled(
    prefix: Prefix,
    uv: Uv,
    pythons: Mapping[str, Interpreter],
    number: int,
    locks: Mapping[str, Path],
    jobs: int,
    mirrors: Mirrors | None = None,
) -> None:
    """Fill a prefix with one generation, an environment for each of `locks`; from `mirrors` first, then by `uv`."""
    environments = tuple(
        Environment(name, name.partition("-")[0].removeprefix("python"), "", "", "", "", name.partition("-")[2], lock)
        for name, lock in locks.items()
    )
    generation = Generation(number, generation_name(number), "", {}, (), (), (), (), environments, f"sha256:{number}")
    with builder(prefix):
        tools = Toolchain.at(prefix, jobs=jobs)
        tools = Toolchain(tools.prefix, tools.store, tools.wheels, uv, tools.compilers, mirrors or Mirrors())
        fill(tools, FillRequest([generation], pythons, {}), _QuietFill(), jobs)


def _peer(
    root: Path, uv: Uv, pythons: Mapping[str, Interpreter], locks: Mapping[str, Path], setting: Mapping[str, str]
) -> None:
    """What uv does by itself: an environment for each lock, one after the other."""
    environment = {**os.environ, "UV_CACHE_DIR": uv.cache, "UV_LINK_MODE": "hardlink", "UV_NO_CONFIG": "1", **setting}
    for name, lock in locks.items():
        python = pythons[name.partition("-")[0].removeprefix("python")].path
        target = root / name
        make = [uv.program, "venv", "--quiet", "--python", python, str(target)]
        install = [uv.program, "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        for command in (make, [*install, "--python", str(target / "bin/python"), "--requirement", str(lock)]):
            subprocess.run(command, check=True, env=environment)


def _peer_disk(
    work: Path, uv: Uv, pythons: Mapping[str, Interpreter], turns: Iterable[Mapping[str, Path]]
) -> tuple[int, int]:
    found = []
    for number, locks in enumerate(turns):
        _peer(work / "linked" / str(number), uv, pythons, locks, {})
        found.append(_files(work / "linked")[1])
    shutil.rmtree(work / "linked")
    return found[0], found[-1]


def _files(folder: Path) -> tuple[int, int]:
    """Return the bytes on the disk of all files below `folder`: each link for itself, and each inode once."""
    sizes = {}
    separate = 0
    for _, status in files_below(str(folder)):
        separate += status.st_blocks * _BLOCK
        sizes[status.st_ino] = status.st_blocks * _BLOCK
    return separate, sum(sizes.values())


def _disk(prefix: Prefix) -> tuple[int, int, int, int]:
    """Return the bytes of separate environments, of our files (records and all), of our folders, and the limit."""
    separate, _ = _files(Path(prefix.generations))
    _, files = _files(Path(prefix.root))
    folders = sum(os.lstat(path).st_blocks * _BLOCK for path, _, _ in os.walk(prefix.root))
    tools = Toolchain.at(prefix)
    distinct: dict[str, int] = {}
    for place in generations(prefix):
        for folder in place.environments():
            marker = read_marker(folder)
            assert marker is not None
            for entry in manifest_of(tools.wheels, marker.wheels, marker.frame).values():
                if not entry.startswith(LINK):
                    distinct[entry.removesuffix("-x")] = os.lstat(tools.store.path(entry)).st_blocks * _BLOCK
    return separate, files, folders, sum(distinct.values())


def _mib(count: int) -> str:
    return f"{count / 2**20:10,.0f}"
