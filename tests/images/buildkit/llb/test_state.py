from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.images.buildkit.llb.graphs import decoded
from workbench.images.buildkit.llb import files
from workbench.images.buildkit.llb.capabilities import capabilities_of
from workbench.images.buildkit.llb.checks import MOST_DATA, StepError
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.mounts import bind, cache, secret, tmpfs
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.state import GraphState, diff, http, image, local, merge, scratch

# Passes for any type, and is text.
ANY: Any = "?"
NUMBER: Any = 1
BASE = image("localhost/base:1")


def last(state: GraphState) -> pb.Op:
    """The last vertex of the graph, without its inputs' digests."""
    op = decoded(state)[-1]
    for one in op.inputs:
        one.ClearField("digest")
    return op


def needed(state: GraphState) -> list[str]:
    return sorted(capabilities_of(marshal(state)) - capabilities_of(marshal(BASE)))


@pytest.mark.parametrize(
    ("ref", "identifier"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1", "docker.io/library/busybox:1"),
        ("team/app", "docker.io/team/app:latest"),
        ("localhost/base:1", "localhost/base:1"),
        ("quay.io:5000/team/app", "quay.io:5000/team/app:latest"),
        (f"quay.io/app@sha256:{'a' * 64}", f"quay.io/app@sha256:{'a' * 64}"),
    ],
)
def test_an_image(ref: str, identifier: str) -> None:
    source = pb.SourceOp(identifier=f"docker-image://{identifier}", attrs={"image.resolvemode": "local"})
    assert decoded(image(ref)) == [pb.Op(source=source)]
    assert capabilities_of(marshal(image(ref))) == {"source.image", "source.image.resolvemode"}


def test_an_image_as_the_daemon_likes() -> None:
    assert not decoded(image("a", resolve_mode="default"))[0].source.attrs
    assert capabilities_of(marshal(image("a", resolve_mode="default"))) == {"source.image"}


def test_a_folder_of_the_session() -> None:
    state = local("context", include=["a", "ü*"], exclude=["**/*.pyc"], shared_key="mine")
    attributes = {
        "local.includepattern": '["a", "ü*"]',
        "local.excludepatterns": '["**/*.pyc"]',
        "local.sharedkeyhint": "mine",
    }
    assert decoded(state) == [pb.Op(source=pb.SourceOp(identifier="local://context", attrs=attributes))]
    patterns = {"source.local.includepatterns", "source.local.excludepatterns"}
    assert capabilities_of(marshal(state)) == {"source.local", "source.local.sharedkeyhint", *patterns}
    assert decoded(local("context"))[0].source.attrs == {"local.sharedkeyhint": "context"}


def test_a_file_from_the_network() -> None:
    checksum = f"sha256:{'0' * 64}"
    state = http("https://example.org/a", checksum=checksum, filename="b", mode=0o755)
    attributes = {"http.checksum": checksum, "http.filename": "b", "http.perm": "0755"}
    assert decoded(state) == [pb.Op(source=pb.SourceOp(identifier="https://example.org/a", attrs=attributes))]
    assert capabilities_of(marshal(state)) == {"source.http", "source.http.checksum", "source.http.perm"}


def test_running_a_command() -> None:
    state = BASE.env("PATH", "/bin").env("A", "1").workdir("/srv/").user("1001:0").run("make all")
    meta = pb.Meta(
        args=["/bin/sh", "-c", "make all"],
        env=["A=1", "PATH=/bin"],
        cwd="/srv",
        user="1001:0",
        removeMountStubsRecursive=True,
    )
    assert last(state) == pb.Op(inputs=[pb.Input()], exec=pb.ExecOp(meta=meta, mounts=[pb.Mount(dest="/")]))
    assert needed(state) == ["exec.meta.base", "exec.mount.bind"]


def test_running_with_everything() -> None:
    state = BASE.env("A", "1").run(
        ["/bin/prog", ""],
        env={"A": "2", "B": "="},
        cwd="/tmp",
        user="www-data",
        mounts=[
            secret("/run/s", "key", mode=0o440, owner="1001:0", optional=True),
            cache("/cache", "pip", sharing="shared", tree=local("seed"), selector="/x"),
            tmpfs("/tmp", size=1024),
            bind("/src", local("context"), selector="/part"),
            bind("/out", scratch(), readonly=False, content_cache=False),
        ],
        network="host",
        proxies={"http_proxy": "http://proxy:1"},
    )
    proxies = pb.ProxyEnv(http_proxy="http://proxy:1")
    meta = pb.Meta(
        args=["/bin/prog", ""],
        env=["A=2", "B=="],
        cwd="/tmp",
        user="www-data",
        proxy_env=proxies,
        removeMountStubsRecursive=True,
    )
    mounts = [
        pb.Mount(dest="/"),
        pb.Mount(
            input=1,
            selector="/x",
            dest="/cache",
            output=-1,
            mountType=pb.CACHE,
            cacheOpt=pb.CacheOpt(ID="pip", sharing=pb.SHARED),
        ),
        pb.Mount(input=-1, dest="/out", output=1, contentCache=pb.OFF),
        pb.Mount(
            input=-1,
            dest="/run/s",
            output=-1,
            mountType=pb.SECRET,
            secretOpt=pb.SecretOpt(ID="key", uid=1001, mode=0o440, optional=True),
        ),
        pb.Mount(input=2, selector="/part", dest="/src", output=-1, readonly=True),
        pb.Mount(input=-1, dest="/tmp", output=-1, mountType=pb.TMPFS, tmpfsOpt=pb.TmpfsOpt(size=1024)),
    ]
    wanted = pb.ExecOp(meta=meta, mounts=mounts, network=pb.HOST)
    assert last(state) == pb.Op(inputs=[pb.Input(), pb.Input(), pb.Input()], exec=wanted)
    assert needed(state) == [
        "exec.meta.base",
        "exec.meta.network",
        "exec.meta.proxyenv",
        "exec.meta.setsdefaultpath",
        "exec.mount.bind",
        "exec.mount.cache",
        "exec.mount.cache.content",
        "exec.mount.cache.sharing",
        "exec.mount.secret",
        "exec.mount.selector",
        "exec.mount.tmpfs",
        "exec.mount.tmpfs.size",
        "source.local",
        "source.local.sharedkeyhint",
    ]


def test_running_on_nothing() -> None:
    assert last(scratch().run(["/x"])).exec.mounts[0] == pb.Mount(input=-1, dest="/")


def test_changing_files_in_one_layer() -> None:
    state = BASE.change(
        files.mkdir("/d/", mode=0o700, owner="me:0", parents=True),
        files.copy(local("context"), "/a/../b/*", "/d/", owner="1001:staff", mode=0o4755, wildcard=True),
        files.copy(BASE, "/etc", "/d", contents_only=True, create_dest=True, follow=True, unpack=True),
        files.mkfile("/d/f", b"text", mode=0o600, owner="7"),
        files.rm("/tmp/*", missing_ok=True, wildcard=True),
        files.symlink("../x", "/l", owner="me"),
    )
    actions = [
        pb.FileAction(
            secondaryInput=-1,
            output=-1,
            mkdir=pb.FileActionMkDir(
                path="/d",
                mode=0o700,
                makeParents=True,
                owner=pb.ChownOpt(user=_named("me"), group=pb.UserOpt(byID=0)),
                timestamp=-1,
            ),
        ),
        pb.FileAction(
            input=2,
            secondaryInput=1,
            output=-1,
            copy=pb.FileActionCopy(
                src="/b/*",
                dest="/d/",
                owner=pb.ChownOpt(user=pb.UserOpt(byID=1001), group=_named("staff")),
                mode=0o4755,
                allowWildcard=True,
                timestamp=-1,
            ),
        ),
        pb.FileAction(
            input=3,
            secondaryInput=0,
            output=-1,
            copy=pb.FileActionCopy(
                src="/etc",
                dest="/d",
                mode=-1,
                followSymlink=True,
                dirCopyContents=True,
                attemptUnpackDockerCompatibility=True,
                createDestPath=True,
                timestamp=-1,
            ),
        ),
        pb.FileAction(
            input=4,
            secondaryInput=-1,
            output=-1,
            mkfile=pb.FileActionMkFile(
                path="/d/f", mode=0o600, data=b"text", owner=pb.ChownOpt(user=pb.UserOpt(byID=7)), timestamp=-1
            ),
        ),
        pb.FileAction(
            input=5,
            secondaryInput=-1,
            output=-1,
            rm=pb.FileActionRm(path="/tmp/*", allowNotFound=True, allowWildcard=True),
        ),
        pb.FileAction(
            input=6,
            secondaryInput=-1,
            output=0,
            symlink=pb.FileActionSymlink(
                oldpath="../x", newpath="/l", owner=pb.ChownOpt(user=_named("me")), timestamp=-1
            ),
        ),
    ]
    assert last(state) == pb.Op(inputs=[pb.Input(), pb.Input()], file=pb.FileOp(actions=actions))
    files_ = ["file.base", "file.rm.wildcard", "file.symlink.create"]
    assert needed(state) == [*files_, "source.local", "source.local.sharedkeyhint"]


def test_the_short_forms_are_one_action_each() -> None:
    assert BASE.mkdir("/d") == BASE.change(files.mkdir("/d"))
    assert BASE.mkfile("/f", b"") == BASE.change(files.mkfile("/f", b""))
    assert BASE.rm("/f") == BASE.change(files.rm("/f"))
    assert BASE.symlink("a", "/b") == BASE.change(files.symlink("a", "/b"))
    include: dict[str, Any] = {"include": ["a"], "exclude": ["b"], "empty_wildcard": True}
    copied = BASE.copy(BASE, "/a", "/b", **include)
    assert copied == BASE.change(files.copy(BASE, "/a", "/b", **include))
    assert "file.copy.includeexcludepatterns" in needed(copied)


def test_merging() -> None:
    one, other = BASE.run("a").user("me"), BASE.run("b")
    assert last(merge([one, other])).merge == pb.MergeOp(inputs=[pb.MergeInput(input=0), pb.MergeInput(input=1)])
    assert merge([one, other]).account == "me"
    assert (merge([]), merge([scratch(), one]).output, merge([one])) == (scratch(), one.output, one)
    assert needed(merge([one, other]))[-1] == "mergeop"
    # A tree may lie in it twice: it is one input then.
    assert [pair.input for pair in last(merge([one, other, one])).merge.inputs] == [0, 1, 0]


def test_differences() -> None:
    one = BASE.run("a")
    op = last(diff(BASE, one)).diff
    assert op == pb.DiffOp(lower=pb.LowerDiffInput(input=0), upper=pb.UpperDiffInput(input=1))
    assert last(diff(BASE, scratch())).diff.upper.input == -1
    assert (diff(BASE, BASE).output, diff(scratch(), one)) == (None, one)
    assert "diffop" in needed(diff(BASE, one))


def test_nothing_changes_a_state() -> None:
    before = repr(BASE)
    BASE.env("A", "1").workdir("/x").user("1").run("x").mkdir("/d")
    assert repr(BASE) == before
    with pytest.raises(AttributeError):
        BASE.cwd = "/"  # type: ignore[misc]


def test_no_user_again() -> None:
    assert BASE.user("1001").user("") == BASE


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: image("UPPER"), "'UPPER' is no image"),
        (lambda: image("a b"), "'a b' is no image"),
        (lambda: image("a", resolve_mode="never"), "the resolve mode is not known: 'never'"),
        (lambda: local("a/b"), "'a/b' cannot name a folder"),
        (lambda: local(""), "the name of a folder is empty"),
        (lambda: local("a", include=["\0"]), "a pattern of files has a NUL character in it: '\\x00'"),
        (lambda: local("a", name="\0"), "the name of a step has a NUL character in it: '\\x00'"),
        (lambda: http("ftp://x"), "'ftp://x' is no http or https address"),
        (lambda: http("http://x\ny"), "'http://x\\ny' is no http or https address"),
        (lambda: http("http://x", checksum="md5:1"), "'md5:1' is no checksum"),
        (lambda: http("http://x", filename="a/b"), "'a/b' is no name of a file"),
        (lambda: http("http://x", mode=-1), "the mode of a file is no mode: -0o1"),
        (lambda: BASE.run([]), "a step that runs nothing"),
        (lambda: BASE.run(""), "the command is empty"),
        (lambda: BASE.run([""]), "the program to run is empty"),
        (lambda: BASE.run(["a", "\0"]), "an argument has a NUL character in it: '\\x00'"),
        (lambda: BASE.run(["a", NUMBER]), "an argument must be text, not int"),
        (lambda: BASE.run("a\ud800"), "the command is not UTF-8: 'a\\ud800'"),
        (lambda: BASE.run("a", env={"": "1"}), "the name of a variable is empty"),
        (lambda: BASE.run("a", env={"A=": "1"}), "'A=' is no name of a variable"),
        (lambda: BASE.run("a", env={"A": "\0"}), "the variable A has a NUL character in it: '\\x00'"),
        (lambda: BASE.run("a", cwd="srv"), "the working directory is relative: 'srv'"),
        (lambda: BASE.run("a", user="a b"), "the user is no user: 'a b'"),
        (lambda: BASE.run("a", network="bridge"), "the network is not known: 'bridge'"),
        (lambda: BASE.run("a", proxies={"PATH": "x"}), "the proxy is not known: 'PATH'"),
        (lambda: BASE.run("a", mounts=[tmpfs("/a"), tmpfs("/a/")]), "two mounts at /a"),
        (lambda: BASE.run("a", mounts=[tmpfs("/")]), "the place of a mount is the root of the tree"),
        (lambda: tmpfs("/a", size=-1), "the size of a tmpfs is not a number from 0 to 4611686018427387904: -1"),
        (lambda: cache("a", "x"), "the place of a mount is relative: 'a'"),
        (lambda: cache("/a", ""), "the name of a cache is empty"),
        (lambda: cache("/a", "x", sharing="mine"), "the sharing of a cache is not known: 'mine'"),
        (lambda: secret("/a", "\0"), "the name of a secret has a NUL character in it: '\\x00'"),
        (lambda: secret("/a", "x", owner="me"), "the owner of a secret, 'me', must be numbers"),
        (lambda: secret("/a", "x", mode=0o10000), "the mode of a secret is no mode: 0o10000"),
        (lambda: bind("/a", scratch()), "an empty tree cannot be mounted read-only at /a"),
        (lambda: bind("/a", BASE, selector="x"), "the part of a tree to mount is relative: 'x'"),
        (lambda: BASE.change(), "a step that changes no file"),
        (lambda: BASE.copy(scratch(), "/a", "/b"), "nothing can be copied out of an empty tree: /a"),
        (lambda: BASE.copy(BASE, "a", "/b"), "what to copy is relative: 'a'"),
        (lambda: BASE.copy(BASE, "/a", "b"), "the place to copy to is relative: 'b'"),
        (lambda: BASE.copy(BASE, "/a", "/b", mode=ANY), "the mode of a copy is no mode: '?'"),
        (lambda: BASE.copy(BASE, "/a", "/b", owner="a:b:c"), "the owner is no user: 'a:b:c'"),
        (
            lambda: BASE.copy(BASE, "/a", "/b", owner="4294967295"),
            "the owner is not a number from 0 to 4294967294: 4294967295",
        ),
        (lambda: BASE.mkfile("/a", bytes(MOST_DATA + 1)), "the file /a has 3145729 bytes, and a graph holds files"),
        (lambda: BASE.mkfile("/a", ANY), "the file /a must be bytes, not str"),
        (lambda: BASE.mkfile("/", b""), "the file to write is the root of the tree"),
        (lambda: BASE.mkdir("/a\0"), "the folder to make has a NUL character in it: '/a\\x00'"),
        (lambda: BASE.mkdir("/a", mode=True), "the mode of /a is no mode: 0o1"),
        (lambda: BASE.rm("/.."), "what to remove is the root of the tree"),
        (lambda: BASE.symlink("", "/a"), "what a link points to is empty"),
        (lambda: scratch().mkdir("/a", owner="me"), "no user is named 'me' in an empty tree"),
        (lambda: BASE.workdir("a"), "the working directory is relative: 'a'"),
        (lambda: BASE.user(":0"), "the user is no user: ':0'"),
        (lambda: BASE.env("", "1"), "the name of a variable is empty"),
    ],
)
def test_a_wrong_argument_is_refused(made: Callable[[], object], message: str) -> None:
    with pytest.raises(StepError) as caught:
        made()
    assert caught.value.message.startswith(message)


def _named(name: str) -> pb.UserOpt:
    return pb.UserOpt(byName=pb.NamedUserOpt(name=name))
