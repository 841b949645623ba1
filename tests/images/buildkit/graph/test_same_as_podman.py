"""Generated Containerfiles, built by podman and by BuildKit: the same image comes out."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import images_equal
from tests.dockerd import Dockerd
from tests.engine import TINY, Engine
from tests.images.buildkit.dockers import Lines
from tests.images.buildkit.texts import ARGUMENTS, ESCAPES, FILES, HEREDOCS, TRIGGERS, WORDS, all_in_one
from workbench.images.backend import choose, open_backend
from workbench.images.podman.builder import PodmanBuilder
from workbench.images.request import BuildRequest

NAME = "localhost/same:1"
BASE = "localhost/ready:1"
READY = "touch /etc/hosts /etc/hostname /etc/resolv.conf && mkdir -p /run && echo 'root:x:0:' >/etc/group"

EVERYTHING = r"""
ARG G=global
ARG H=${G}x
FROM localhost/ready:1 AS one
ARG G
ARG X=arg
ENV X=env A="a b" B=$X${NOPE:-d} 'C'=c\ c
ARG X=later
ARG Z=$A
RUN echo "$X $G $A $B $C $Z" >/env; id -u >>/env; pwd >>/env; echo $HOME >>/env
WORKDIR /w/x
USER 1001
WORKDIR y
COPY a.txt ./
COPY d dd
COPY d/sub /d1/sub
COPY --chown=5:6 d/ /p/q/r/
COPY --chown=5:6 a.txt b.txt /m/n/
COPY --chown=7 a.txt /seven
COPY --chown=root --chmod=711 a.txt /rooted
COPY link /l
COPY *.txt [ab].txt /glob/
COPY ["a b", "/with space"]
RUN echo $USER >/tmp/as; id -u >>/tmp/as; id -g >>/tmp/as
ENV PATH=/x:$PATH
EXPOSE 80 90/udp
LABEL a=b "c d"="$A e" f='$A'
STOPSIGNAL SIGTERM
CMD echo $X
FROM localhost/ready:1 AS unused
RUN false
FROM one AS two
ARG H
ARG LATE
COPY --from=one /m /m2
COPY --from=0 /m/n/a.txt /z/
COPY --from=one /p/q /in/to/
ADD packed.tar /unpacked/
ADD a.txt /plain
USER 0
RUN rm -r /d1 && chmod 700 /m2 && ln -s m2 /link && mkdir /new && chown 9:9 /new && echo "$H$LATE$X" >/late
RUN ["/bin/sh", "-c", "echo \"$A\" >/json"]
RUN --mount=type=cache,target=/tmp/c,id=t --mount=type=tmpfs,target=/tmp/t echo x >/tmp/c/x; echo y >/tmp/t/y
LABEL a=z
ENTRYPOINT ["/e", "$A"]
"""
OTHERS = [
    'FROM scratch\nCOPY a.txt /x\nCMD ["x"]\nENTRYPOINT ["e"]\n',
    f'FROM {BASE}\nENTRYPOINT ["e"]\nLABEL x=\nENV E= F=$E\nWORKDIR /\nUSER 1001:0\n',
    f"FROM {BASE}\nENTRYPOINT exec x $A\nCMD []\nCOPY d /tmp\nCOPY d/* /flat/\nUSER 77\nRUN id -g >/tmp/g\n",
    f'FROM {BASE}\nENV A=1\nHEALTHCHECK --interval=1m30s --timeout=2s --retries=2 CMD x "$A"\nCMD x\n',
]


@pytest.fixture(scope="module")
def base(store: Engine, dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image in both stores that has, as real ones do, what builders lend to steps: else both leave some of it."""
    empty = tmp_path_factory.mktemp("base")
    (empty / "Containerfile").write_text(f"FROM {TINY}\nRUN {READY}\n")
    store("build", "--quiet", "--tag", BASE, str(empty))
    return dockerd.carry(store, BASE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("context")
    for name, mode in {
        "a.txt": 0o600,
        "b.txt": 0o644,
        "a b": 0o755,
        "d/sub/s": 0o640,
        "d/t": 0o751,
        "d/a": 0o640,
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
        (made / name).chmod(mode)
    (made / "d").chmod(0o2770)
    (made / "link").symlink_to("b.txt")
    (made / "d/inner").symlink_to("t")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("in/side")
        entry.size, entry.mode, entry.uid, entry.gid = 3, 0o640, 12, 13
        tar.addfile(entry, io.BytesIO(b"abc"))
    (made / "packed.tar").write_bytes(packed.getvalue())
    return made


def differences(
    engine: Engine, dockerd: Dockerd, text: str, folder: Path, arguments: Mapping[str, str] | None = None
) -> list[str]:
    given = {"LATE": "l $A"} if arguments is None else arguments
    request = BuildRequest((NAME,), str(folder), text, labels={"own": "$A"}, arguments=given)
    PodmanBuilder().build(request, Lines())
    open_backend(choose("buildkit", dockerd.address)).builder.build(request, Lines())
    found = images_equal.differences(images_equal.of_podman(engine, NAME), images_equal.of_dockerd(dockerd, NAME))
    return [str(one) for one in found]


@pytest.mark.thorough
@pytest.mark.usefixtures("base")
def test_everything_at_once(engine: Engine, dockerd: Dockerd, folder: Path) -> None:
    assert differences(engine, dockerd, EVERYTHING, folder) == []


FEW = ("a command with tabs", "text for a command", "a script", "another shell", "as a user", "expanded", "owned")


@pytest.mark.thorough
@pytest.mark.usefixtures("base")
def test_heredocs(engine: Engine, dockerd: Dockerd, folder: Path) -> None:
    few = {name: HEREDOCS[name] for name in FEW}
    assert differences(engine, dockerd, all_in_one(BASE, few).replace(f"FROM {BASE} AS zero\n", ""), folder) == []


@pytest.mark.slow
@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("text", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_and_variables(
    engine: Engine, dockerd: Dockerd, folder: Path, text: str | tuple[str, Mapping[str, str]]
) -> None:
    text, arguments = (text, {}) if isinstance(text, str) else text
    stage = "" if "FROM" in text else f"FROM {BASE}\n"
    assert differences(engine, dockerd, stage + text.replace("{base}", BASE), folder, arguments) == []


# What podman 4.3 cannot be brought to, or makes other files of.
BEYOND = {"symbolic", "symbolic with a variable", "linked with a mode", "with parents", "without some"}
BEYOND |= {"bits of another user", "everything", "parents without some", "health", "volumes", "ports", "commands"}


@pytest.mark.slow
@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("texts", [FILES, WORDS], ids=["files", "words"])
def test_files_and_words(engine: Engine, dockerd: Dockerd, folder: Path, texts: Mapping[str, str]) -> None:
    known = {name: text for name, text in texts.items() if name not in BEYOND}
    assert differences(engine, dockerd, all_in_one(BASE, known), folder) == []


# podman 4.3 is refused a heredoc behind ONBUILD.
BEGINNINGS = {name: text for name, text in (ESCAPES | TRIGGERS).items() if "ONBUILD RUN <<" not in text}


@pytest.mark.slow
@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("text", BEGINNINGS.values(), ids=BEGINNINGS)
def test_other_beginnings(engine: Engine, dockerd: Dockerd, folder: Path, text: str) -> None:
    assert differences(engine, dockerd, text.replace("{base}", BASE), folder) == []


@pytest.mark.slow
@pytest.mark.usefixtures("base")
def test_every_heredoc(engine: Engine, dockerd: Dockerd, folder: Path) -> None:
    assert differences(engine, dockerd, all_in_one(BASE, HEREDOCS), folder) == []


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("text", OTHERS, ids=["scratch", "empties", "contents", "health"])
def test_one_thing_at_a_time(engine: Engine, dockerd: Dockerd, folder: Path, text: str) -> None:
    assert differences(engine, dockerd, text, folder) == []


value = st.sampled_from(["x", '"a b"', "'$A'", "$A", "${B:-d}", "${A:+s}", r"a\ b", '"q \\" $B"', "${C}", "pre$A-post"])
path = st.sampled_from(["/one", "/one/two", "rel", "./deep/er", "/tmp/in", "../up", "/w"])
source = st.sampled_from(["a.txt", "b.txt", "d", "d/", "d/sub", "*.txt", "d/s*", "./a.txt", "/b.txt", "d/t"])
owner = st.sampled_from(["", "", "--chown=3:4 ", "--chown=root:0 ", "--chown=8 "])
name = st.sampled_from("ABC")
instruction = st.one_of(
    st.builds("ENV {}={}".format, name, value),
    st.builds("ENV A={} B={}".format, value, value),
    st.builds("ARG {}={}".format, name, value),
    st.builds("LABEL {}={}".format, name, value),
    # Of several in a row podman makes the last folder only.
    st.builds("WORKDIR {}\nRUN true".format, path),
    st.builds("USER {}".format, st.sampled_from(["0", "1001", "root", "1001:0"])),
    st.builds("COPY {}{} {}/".format, owner, source, path),
    st.builds('RUN echo "$A $B $C $(id -u) $(pwd)" >>/tmp/{}$(id -u)'.format, st.sampled_from("xy")),
    st.builds("CMD {}".format, st.sampled_from(['["a", "$A"]', "b $A", "[]"])),
    st.builds("ENTRYPOINT {}".format, st.sampled_from(['["a"]', "b $A"])),
    st.builds("EXPOSE {}".format, st.sampled_from(["80", "8080 81/udp", "80/tcp"])),
)
stage = st.lists(instruction, min_size=2, max_size=6).map("\n".join)
some = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.usefixtures("base")
@some
@given(first=stage, second=stage)
@pytest.mark.thorough
def test_whatever_comes_together(engine: Engine, dockerd: Dockerd, folder: Path, first: str, second: str) -> None:
    check(engine, dockerd, folder, first, second)


@pytest.mark.slow
@pytest.mark.usefixtures("base")
@settings(some, max_examples=60, derandomize=False)
@given(first=stage, second=stage)
def test_much_that_comes_together(engine: Engine, dockerd: Dockerd, folder: Path, first: str, second: str) -> None:
    check(engine, dockerd, folder, first, second)


def check(engine: Engine, dockerd: Dockerd, folder: Path, first: str, second: str) -> None:
    text = f"FROM {BASE} AS one\nRUN mkdir -m 1777 /keep && echo x >/keep/x\n{first}\n"
    # podman makes the folder of a WORKDIR only when a step comes after it.
    text += f"RUN true\nFROM one\nCOPY --from=one /keep /kept\n{second}\nRUN true\n"
    assert differences(engine, dockerd, text, folder) == [], text
