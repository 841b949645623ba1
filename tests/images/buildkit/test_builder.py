from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.command import wizard
from tests.dockerd import Dockerd
from tests.engine import TINY, Engine
from tests.images.buildkit.dockers import Lines
from tests.images.podman.test_builder import layer_files
from tests.images.recipes import BASE, IMAGE, recipe
from tests.images.test_network import CERTIFICATE, bundle
from tests.images_equal import of_dockerd
from workbench.errors import UsageError, WorkbenchError
from workbench.images.builder import Built
from workbench.images.buildkit.builder import BuildKitBuilder
from workbench.images.buildkit.llb.address import parse
from workbench.images.request import BuildRequest

NAME = "localhost/built:1"
# Two sections that stand beside each other, by their catalogue files.
SECTIONS = """\
FROM localhost/tiny:1
# === Python (bundles/python_packages.snippet)
USER 1001
RUN {one}
# === System (ides/os_packages_ide.debian.snippet)
USER 0
RUN {other}
# === IDE (ides/own.snippet)
RUN echo end >/end
"""


@pytest.fixture
def free(dockerd: Dockerd) -> Iterator[Dockerd]:
    """The daemon, without the images that these tests build."""
    yield dockerd
    for name in {NAME, "localhost/built:2", IMAGE} & dockerd.names():
        dockerd("DELETE", f"/images/{name}", force="1")


def build(
    dockerd: Dockerd, folder: Path, text: str, *, watcher: Lines | None = None, names: tuple[str, ...] = (NAME,),
    arguments: Mapping[str, str] | None = None, cache: bool = False, ca_bundle: str = "",
) -> Built:  # fmt: skip
    request = BuildRequest(names, str(folder), text, {"own": "yes"}, arguments or {}, (), ca_bundle, cache)
    return BuildKitBuilder(parse(dockerd.address)).build(request, watcher or Lines())


def test_an_image_gets_its_names_and_labels(free: Dockerd, tmp_path: Path) -> None:
    watcher = Lines()
    text = f"ARG ROOT=none\nFROM ${{ROOT}} AS one\nRUN echo x >/x\nFROM {TINY}\nCOPY --from=one /x /y\nENV A=1\n"
    names = (NAME, "localhost/built:2")
    built = build(free, tmp_path, text, watcher=watcher, names=names, arguments={"ROOT": TINY, "NONE": "1"})
    assert set(names) <= free.names()
    assert built == Built(NAME, free.image("localhost/built:2")["Id"])
    assert free.image(NAME)["Config"]["Labels"]["own"] == "yes"
    assert watcher.steps == [(1, 2, "RUN echo x >/x"), (2, 2, "COPY --from=one /x /y")]
    assert watcher.lines[1:] == [
        "the argument NONE is declared by no ARG, and changes nothing",
        f"inspected {TINY}: an unnamed system, no Python of ours, no CUDA",
        "STEP 1/2: RUN echo x >/x",
        "STEP 2/2: COPY --from=one /x /y",
    ]


def test_what_was_built_before_comes_out_of_the_cache(free: Dockerd, tmp_path: Path) -> None:
    text, watcher = f"FROM {TINY}\nRUN echo once; head -c 9 /dev/urandom >/random\n", Lines()
    first = build(free, tmp_path, text, cache=True)
    assert build(free, tmp_path, text, watcher=watcher, cache=True) == first
    assert "--> cached" in watcher.lines and "once" not in watcher.lines
    assert build(free, tmp_path, text, cache=False) != first


def test_nothing_of_a_fresh_build_comes_out_of_the_cache(free: Dockerd, tmp_path: Path) -> None:
    random = "head -c 9 /dev/urandom >/tmp/{}"
    text = SECTIONS.format(one=random.format("one"), other=random.format("other"))
    text = text.replace(
        "FROM localhost/tiny:1\n", f"FROM localhost/tiny:1\nRUN {random.format('start')}\nWORKDIR /tmp\n"
    )
    written = []
    for _ in range(2):
        watcher = Lines()
        build(free, tmp_path, text, watcher=watcher)
        assert any("they are built at the same time" in line for line in watcher.lines)
        paths = of_dockerd(free, NAME).paths
        written.append({name: paths[f"tmp/{name}"].content for name in ("start", "one", "other")})
    assert all(written[0][name] != written[1][name] for name in written[0])


def test_what_another_recipe_did_on_the_same_base_is_taken_over(free: Dockerd, tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("framework==1\n")
    text = SECTIONS.format(one="sleep 0; head -c 9 /dev/urandom >/tmp/framework", other="true")
    text = text.replace("USER 1001\n", "USER 1001\nCOPY lock.txt /tmp/lock.txt\n")
    build(free, tmp_path, text, cache=True)
    framework = of_dockerd(free, NAME).paths["tmp/framework"]
    watcher, other = Lines(), text.replace("echo end", "echo other")
    build(free, tmp_path, other, watcher=watcher, names=("localhost/built:2",), cache=True)
    assert of_dockerd(free, "localhost/built:2").paths["tmp/framework"] == framework
    assert watcher.lines[-1] == "3 of 4 steps were done before, and are taken over as they are"
    # A lock that says something else is another step.
    (tmp_path / "lock.txt").write_text("framework==2\n")
    build(free, tmp_path, other, names=("localhost/built:2",), cache=True)
    assert of_dockerd(free, "localhost/built:2").paths["tmp/framework"] != framework


def test_a_failing_step_is_named_and_the_image_that_was_there_stays(free: Dockerd, tmp_path: Path) -> None:
    before = build(free, tmp_path, f"FROM {TINY}\nRUN true\n")
    watcher = Lines()
    with pytest.raises(WorkbenchError) as raised:
        build(free, tmp_path, f"FROM {TINY}\nRUN echo told; exit 7\nRUN true\n", watcher=watcher)
    assert raised.value.message == "building 1 failed with exit code 7 in step 1 of 2: RUN echo told; exit 7"
    assert "told" in watcher.lines
    assert free.image(NAME)["Id"] == before.id


def test_a_refused_certificate_has_a_hint(free: Dockerd, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as raised:
        build(free, tmp_path, f"FROM {TINY}\nRUN echo 'SSL certificate problem: x' >&2; exit 60\n")
    assert raised.value.hint == "a certificate was refused: on a network that inspects TLS, give --ca-bundle FILE"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (f"FROM {TINY}\nRUN true\nRUNN x\n", "RUNN is no instruction that is supported", 3),
        (f"FROM {TINY}\nCOPY --from=none /a /b\n", "COPY --from=none: there is no such stage above", 2),
        (f"FROM {TINY}\nCOPY none /b\n", "COPY none: the folder has no such file", 2),
    ],
)
def test_a_containerfile_that_cannot_be_built(
    free: Dockerd, tmp_path: Path, text: str, message: str, line: int
) -> None:
    watcher = Lines()
    with pytest.raises(WorkbenchError) as raised:
        build(free, tmp_path, text, watcher=watcher)
    assert (raised.value.message, raised.value.where) == (message, f"{tmp_path}/Containerfile:{line}")
    assert watcher.steps == []
    assert NAME not in free.names()


def test_what_an_old_daemon_cannot_do_is_refused_before_the_first_step(free: Dockerd, tmp_path: Path) -> None:
    if not json.loads(free("GET", "/version"))["Version"].startswith("20.10."):
        pytest.skip("this dockerd is newer than 20.10, which is the one that cannot")
    (tmp_path / "a").write_text("")
    watcher = Lines()
    with pytest.raises(WorkbenchError) as raised:
        build(free, tmp_path, f"FROM {TINY}\nRUN true\nCOPY --exclude=b a /c/\n", watcher=watcher)
    assert raised.value.message == (
        f"the BuildKit at {free.address} cannot do COPY --exclude=b a /c/: "
        "it does not have file.copy.includeexcludepatterns"
    )
    assert watcher.steps == []


def test_options_of_another_engine(free: Dockerd, tmp_path: Path) -> None:
    request = BuildRequest((NAME,), str(tmp_path), f"FROM {TINY}\n", options=("--jobs=2",))
    with pytest.raises(UsageError, match="--jobs=2 is no option of BuildKit"):
        BuildKitBuilder(parse(free.address)).build(request, Lines())


def test_sections_that_need_nothing_of_each_other_are_built_at_the_same_time(free: Dockerd, tmp_path: Path) -> None:
    # Each waits for the other: by way of a cache that both have mounted, one after the other would never end.
    meet = "--mount=type=cache,id=meet,mode=0777,target=/dev/meet "
    meet += "touch /dev/meet/{0}; until [ -e /dev/meet/{1} ]; do :; done"
    one, other = meet.format("a", "b") + " && echo a >/tmp/a", meet.format("b", "a") + " && mkdir /b && rmdir /tmp/none"
    text = SECTIONS.format(one=one, other=other).replace(
        "localhost/tiny:1\n", "localhost/tiny:1\nRUN mkdir /tmp/none\n", 1
    )
    watcher = Lines()
    build(free, tmp_path, text, watcher=watcher)
    paths = of_dockerd(free, NAME).paths
    assert {path for path in ("tmp/a", "b", "tmp/none", "end") if path in paths} == {"tmp/a", "b", "end"}
    assert paths["tmp/a"].owner == (1001, 0)
    assert any("they are built at the same time; branches are joined by" in line for line in watcher.lines)


def test_sections_that_change_the_same_are_built_one_after_the_other(free: Dockerd, tmp_path: Path) -> None:
    watcher = Lines()
    text = SECTIONS.format(one="echo one >>/tmp/both", other="echo other >>/tmp/both")
    build(free, tmp_path, text, watcher=watcher)
    one, other = "bundles/python_packages.snippet", "ides/os_packages_ide.debian.snippet"
    assert f"{one} and {other} both change '/tmp/both': it is as {other} made it" in watcher.lines
    both = build(free, tmp_path, text.replace("# === ", "# "), names=("localhost/built:2",))
    assert both.id and of_dockerd(free, NAME) == of_dockerd(free, "localhost/built:2")


def test_a_further_index_is_given_to_its_step_and_leaves_no_trace(
    engine: Engine, free: Dockerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = "RUN --mount=type=secret,id=ROCM_INDEX_URL,mode=0444 grep -c secret@index /run/secrets/ROCM_INDEX_URL\n"
    folder = recipe(tmp_path, engine, run + "RUN test ! -e /run/secrets/ROCM_INDEX_URL\n")
    (folder / "requirements.txt").write_text("--extra-index-url ${ROCM_INDEX_URL}\nsix==1.17.0\n")
    flags = ("build", folder, "--log-dir", tmp_path / "logs")
    monkeypatch.delenv("ROCM_INDEX_URL", raising=False)
    refused = wizard(*flags, env=free.env)
    assert (refused.returncode, "and ROCM_INDEX_URL is not set" in refused.stderr) == (1, True)
    # podman would take a variable of a secret's name in place of its file.
    monkeypatch.setenv("ROCM_INDEX_URL", "https://me:secret@index.example.com/simple")
    done = wizard(*flags, env=free.env)
    assert done.returncode == 0, done.stderr
    assert "index.example.com" not in json.dumps(
        [free.image(IMAGE), json.loads(free("GET", f"/images/{IMAGE}/history"))]
    )


@pytest.mark.thorough
def test_a_step_is_given_the_mirror_of_open_vsx_where_there_is_one(
    engine: Engine, free: Dockerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = "RUN --mount=type=secret,id=WORKBENCH_OPENVSX,mode=0444 "
    for address, test in (("", "! -e"), ("https://me:secret@mirror.example.com", "-s")):
        monkeypatch.setenv("WORKBENCH_OPENVSX", address)
        folder = recipe(tmp_path / test, engine, f"{step}test {test} /run/secrets/WORKBENCH_OPENVSX\n")
        done = wizard("build", folder, "--log-dir", tmp_path / "logs", env=free.env)
        assert done.returncode == 0, done.stderr
    assert "mirror.example.com" not in json.dumps(
        [free.image(IMAGE), json.loads(free("GET", f"/images/{IMAGE}/history"))]
    )


def test_a_bundle_is_used_and_leaves_no_trace(
    engine: Engine, free: Dockerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@index.example.com/simple")
    run = 'RUN cat "$PIP_CERT" "$APT_CONFIG" && grep -c secret "$PIP_CONFIG_FILE" && echo https://me:secret@x.example.com\n'
    folder = recipe(tmp_path, engine, run)
    done = wizard("build", folder, "--log-dir", tmp_path / "logs", "--ca-bundle", bundle(tmp_path), env=free.env)
    assert done.returncode == 0, done.stderr
    (log,) = (tmp_path / "logs").iterdir()
    assert CERTIFICATE in log.read_text()
    assert "https://***@x.example.com" in log.read_text()
    described = json.dumps([free.image(IMAGE), json.loads(free("GET", f"/images/{IMAGE}/history"))])
    for text in (log.read_text(), done.stderr, described.replace("https://me:secret@x.example.com", "")):
        assert "me:secret" not in text
    assert [line for line in free.image(IMAGE)["Config"]["Env"] if not line.startswith("PATH=")] == []
    with free.download(f"/images/{IMAGE}/get") as source:
        (tmp_path / "image.tar").write_bytes(source.read())
    assert not [name for name in layer_files(tmp_path / "image.tar") if "workbench-" in name or name.startswith("dev/")]


def test_a_base_that_does_not_fit_the_tag_is_refused_before_anything_is_built(
    engine: Engine, free: Dockerd, tmp_path: Path
) -> None:
    folder = recipe(tmp_path, engine, "RUN echo never\n")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "os-release").write_text('ID=debian\nVERSION_ID=12\nPRETTY_NAME="Debian 12"\n')
    build(free, tmp_path / "base", f"FROM {TINY}\nCOPY os-release /etc/os-release\n", names=(BASE,))
    engine("untag", BASE, BASE)
    try:
        done = wizard("build", folder, "--log-dir", tmp_path / "logs", env=free.env)
    finally:
        free("DELETE", f"/images/{BASE}", force="1")
    assert done.returncode == 1
    assert f"the base {BASE} does not fit the tag {folder.name}: it is Debian 12, and not c9s" in done.stderr
    assert "never" not in done.stderr and IMAGE not in free.names()
