"""What a Containerfile becomes, against the same written as states; equal states have equal digests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.containerfile.build_plan import BuildPlan
from workbench.containerfile.reader import Source, read
from workbench.images.buildkit.graph.emit import CONTEXT, Emitter, Fork, StepContext
from workbench.images.buildkit.llb import files, mounts
from workbench.images.buildkit.llb.joins.join import join
from workbench.images.buildkit.llb.joins.strategy import MERGE
from workbench.images.buildkit.llb.state import GraphState, image, local, scratch
from workbench.images.context import exists

BASE = {"config": {"Env": ["PATH=/bin"], "WorkingDir": "/opt"}}
HERE = local(CONTEXT)
ENV = {"PATH": "/bin"}


def plan(text: str, folder: Path | str = "/nowhere") -> BuildPlan:
    return read(Source(text, "Containerfile", partial(exists, str(folder))), lambda _: BASE)


def emitted(text: str, folder: Path | str = "/nowhere", context: StepContext | None = None) -> GraphState:
    return Emitter(plan(text, folder), context or StepContext()).state()


def sh(state: GraphState, command: str, *, cwd: str = "/opt", user: str = "", **more: object) -> GraphState:
    return state.run(command, env=ENV, cwd=cwd, user=user, **more)  # type: ignore[arg-type]


def copied(state: GraphState, src: str, dest: str, *, source: GraphState = HERE, owner: str = "0:0") -> GraphState:
    return state.change(
        files.copy(
            source,
            src,
            dest,
            owner=owner,
            wildcard=True,
            empty_wildcard=True,
            contents_only=True,
            create_dest=True,
            follow=True,
        )
    )


def test_steps_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    text = "FROM localhost/b:1\nRUN one\nUSER 7\nWORKDIR sub\nRUN two\nCOPY --chown=3 a x/\n"
    base = image("localhost/b:1")
    made = sh(base, "one", user="").mkdir("/opt/sub", parents=True, owner="7:7")
    made = sh(made, "two", cwd="/opt/sub", user="7")
    made = copied(made, "/a", "/opt/sub/x/", owner="3:3")
    context = StepContext(looked_up=frozenset({"localhost/b:1"}))
    assert emitted(text, tmp_path, context).output == made.output


def test_stages_are_independent_each_other_and_keep_their_owners() -> None:
    text = "FROM localhost/b:1 AS one\nRUN a\nFROM localhost/b:1\nRUN b\nCOPY --from=one /x /y\n"
    base = image("localhost/b:1")
    made = copied(sh(base, "b"), "/x", "/y", source=sh(base, "a"), owner="")
    assert emitted(text).output == made.output


def test_mounts_and_what_is_lent() -> None:
    flags = (
        "--mount=type=cache,target=/c,id=i,sharing=locked,uid=5 --mount=type=secret,id=s --mount=type=tmpfs,target=/t"
    )
    flags += " --mount=from=one,source=/m,target=/m --network=none"
    text = f"FROM localhost/b:1 AS one\nFROM localhost/b:1\nRUN {flags} x\n"
    base = image("localhost/b:1")
    first = scratch().mkdir("/cache", mode=0o755, owner="5:0")
    given = [
        mounts.cache("/c", "i", sharing="locked", tree=first, selector="/cache"),
        mounts.secret("/run/secrets/s", "s", mode=0o400, optional=True),
        mounts.tmpfs("/t"),
        mounts.bind("/m", base, selector="/m"),
        mounts.secret("/dev/ca.pem", "ca.pem", mode=0o444),
    ]
    made = sh(base, "x", mounts=given, network="none", proxies={"http_proxy": "http://p"})
    context = StepContext(network="host", secrets={"/dev/ca.pem": "ca.pem"}, proxies={"http_proxy": "http://p"})
    assert emitted(text, context=context).output == made.output


def test_downloads_are_kept_by_system_and_user() -> None:
    text = (
        "FROM localhost/b:1\nUSER 7\nRUN pip install --no-cache-dir x\nUSER someone\nRUN pip install --no-cache-dir y\n"
    )
    context = StepContext(downloads=True, kinds={"localhost/b:1": "debian-12"}, looked_up=frozenset({"localhost/b:1"}))
    first = scratch().mkdir("/cache", mode=0o755, owner="7:0")
    kept = mounts.cache(
        "/dev/workbench-pip", "workbench-pip-debian-12-7", sharing="shared", tree=first, selector="/cache"
    )
    more = {"PIP_CACHE_DIR": "/dev/workbench-pip", "PIP_NO_CACHE_DIR": ""}
    made = image("localhost/b:1").run("pip install x", env={**ENV, **more}, cwd="/opt", user="7", mounts=[kept])
    made = sh(made, "pip install --no-cache-dir y", user="someone")
    assert emitted(text, context=context).output == made.output


def test_users_are_numbers_where_the_daemon_can_look_nobody_up() -> None:
    text = "FROM localhost/b:1\nUSER 7\nRUN a\nUSER 8\nRUN b\nUSER 0\nRUN c\n"
    base = image("localhost/b:1")
    made = sh(sh(sh(base, "a", user="7:70"), "b", user="8:0"), "c", user="0:0")
    assert emitted(text, context=StepContext(groups={"localhost/b:1": {"7": "70"}})).output == made.output


FORKED = """\
FROM localhost/b:1
RUN start
# === Python (bundles/python_packages.snippet)
WORKDIR {folder}
RUN pip
# === System ({other})
RUN apt
# === IDE (ides/x.snippet)
RUN end
"""


def merged(fork: Fork) -> GraphState:
    return join(fork.base, fork.branches, MERGE)


def test_sections_fork_from_a_common_state_and_are_joined() -> None:
    text = FORKED.format(folder="/opt", other="ides/os_packages_ide.debian.snippet")
    emitter = Emitter(plan(text), StepContext(join=merged, looked_up=frozenset({"localhost/b:1"})))
    start = sh(image("localhost/b:1"), "start")
    one, other = sh(start.mkdir("/opt", parents=True), "pip"), sh(start, "apt")
    assert emitter.state().output == sh(join(start, [one, other], MERGE), "end").output
    (fork,) = emitter.forks
    assert fork.name == "join bundles/python_packages.snippet and ides/os_packages_ide.debian.snippet"
    assert emitter.titles == ["RUN start", "WORKDIR /opt", "RUN pip", "RUN apt", "RUN end"]


@pytest.mark.parametrize(
    ("folder", "other", "joins"),
    [
        ("/opt", "ides/other.snippet", True),
        ("/new", "ides/os_packages_ide.snippet", True),
        ("/opt", "ides/os_packages_ide.snippet", False),
    ],
    ids=["others", "a folder that only the first makes", "nothing that joins"],
)
def test_sections_that_do_not_fork(folder: str, other: str, joins: bool) -> None:
    emitter = Emitter(plan(FORKED.format(folder=folder, other=other)), StepContext(join=merged if joins else None))
    emitter.state()
    assert emitter.forks == []


def test_the_catalogues_own_sections_fork() -> None:
    """The headings that compose writes are those that are known here: by the catalogue's own snippets."""
    texts = []
    for name in ("bundles/python_packages.snippet", "ides/os_packages_ide.debian.snippet"):
        with open(f"{REPOSITORY}/{name}") as file:
            kept = [line for line in file if not line.startswith("COPY")]
        texts.append(f"# === Title of it ({name})\n{''.join(kept)}")
    text = "FROM localhost/b:1\nWORKDIR /opt/app-root/src\n" + "\n".join(texts)
    emitter = Emitter(plan(text), StepContext(join=merged))
    emitter.state()
    assert len(emitter.forks) == 1
