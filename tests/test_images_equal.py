"""The comparison of images finds every kind of difference, and nothing where there is none."""

from __future__ import annotations

import importlib.util
import io
import marshal
from collections.abc import Iterator

import pytest

from tests import images_equal
from tests.dockerd import Dockerd
from tests.engine import TINY, Engine
from tests.images_equal import LABELS_MAY_DIFFER, MAY_DIFFER, Contents, Difference, differences, of_dockerd, of_podman

IMAGE = "localhost/compared:1"
CONTAINERFILE = f"""\
FROM {TINY}
RUN mkdir -p /data/deep /var/log /srv && echo one >/data/file && ln -s file /data/link && ln /data/file /data/second \\
    && echo gone >/data/gone && mknod /data/pipe p && chown 7:8 /data/file && chmod 4751 /data/file
RUN rm /data/gone && echo now >/var/log/some.log && printf '\\1\\2\\3\\4\\0\\0\\0\\0dateSIZEcode' >/data/some.pyc
ENV A=1 B=2
LABEL x=y
USER 7
WORKDIR /data
EXPOSE 8888
VOLUME /srv
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "true"]
"""

# What is changed at once, and the differences that are found: where and what.
MUTATIONS: tuple[dict[str, list[str]], ...] = (
    {
        "RUN echo two >/data/file": ["data/file: content"],
        "RUN chmod 0700 /data/deep": ["data/deep: mode"],
        "RUN chown 9 /data/deep": ["data/deep: owner"],
        "RUN chmod u-s /data/some.pyc && chmod +t /data": ["data: mode"],
        "RUN ln -sf other /data/link": ["data/link: content"],
        "RUN rm /data/pipe && mkdir /data/pipe": ["data/pipe: type"],
        "RUN mkdir /data/new": ["data/new: is there"],
        "RUN chmod 0600 /var/log/some.log": ["var/log/some.log: mode"],
        # Its date may differ, its code may not.
        "RUN printf '\\1\\2\\3\\4\\0\\0\\0\\0dateSIZEcodE' >/data/some.pyc": ["data/some.pyc: content"],
        "ENV A=2": ["Env A: value"],
        "ENV C=3": ["Env C: value"],
        "LABEL x=z": ["Labels x: value"],
        "EXPOSE 9999": ["ExposedPorts 9999/tcp: value"],
        "VOLUME /other": ["Volumes /other: value"],
        "STOPSIGNAL SIGTERM": ["StopSignal: value"],
        'CMD ["-c", "false"]': ["Cmd: value"],
        "USER 8": ["User: value"],
        "WORKDIR /": ["WorkingDir: value"],
    },
    {
        "RUN chown :9 /data/deep": ["data/deep: owner"],
        "RUN rm /data/link && echo one >/data/link": ["data/link: type"],
        "RUN echo new >/data/new": ["data/new: is there"],
        "RUN rm /var/log/some.log": ["var/log/some.log: is there"],
        "RUN printf '\\1\\2\\3\\4\\3\\0\\0\\0hashHASHcode' >/data/some.pyc": ["data/some.pyc: content"],
        "USER 7": [],
        'ENTRYPOINT ["/bin/ash"]': ["Cmd: value", "Entrypoint: value"],
    },
    {"RUN rm /data/link": ["data/link: is there"], "USER 7": []},
    {
        "RUN rm -r /data/deep && mkdir /data/deep": [],
        "RUN printf '\\1\\2\\3\\4\\0\\0\\0\\0DATESIZEcode' >/data/some.pyc": [],
        "RUN echo later >/var/log/some.log": [],
        "LABEL io.buildah.version=0": [],
        "USER 7": [],
    },
)


@pytest.fixture(scope="module")
def plain(store: Engine) -> Iterator[Contents]:
    """The image that the changed ones are compared with."""
    store("build", "--network=none", "--tag", IMAGE, "-", stdin=CONTAINERFILE.encode())
    yield of_podman(store, IMAGE)
    store("rmi", "--force", IMAGE)


def test_the_paths_are_those_of_the_file_system(plain: Contents) -> None:
    found = {path: entry.type for path, entry in plain.paths.items() if path.startswith("data")}
    assert found == {
        "data": "folder",
        "data/deep": "folder",
        "data/file": "file",
        "data/link": "symlink",
        "data/pipe": "pipe",
        "data/second": "file",
        "data/some.pyc": "file",
    }
    file = plain.paths["data/file"]
    assert (file.mode, file.owner) == (0o4751, (7, 8))
    assert plain.paths["data/second"] == file


@pytest.mark.thorough
def test_one_image_in_both_stores_is_the_same(store: Engine, plain: Contents, dockerd: Dockerd) -> None:
    dockerd.carry(store, IMAGE)
    assert differences(plain, of_dockerd(dockerd, IMAGE)) == []
    dockerd("DELETE", f"/images/{IMAGE}", force="1")


@pytest.mark.thorough
@pytest.mark.parametrize("changes", MUTATIONS, ids=["much", "in other ways", "a path is gone", "nothing that counts"])
def test_what_is_changed_is_found(store: Engine, plain: Contents, changes: dict[str, list[str]]) -> None:
    # As root, whatever the image runs as.
    text = "\n".join((f"FROM {IMAGE}", "USER 0", *changes, ""))
    store("build", "--layers=false", "--network=none", "--tag", "localhost/changed:1", "-", stdin=text.encode())
    try:
        found = differences(plain, of_podman(store, "localhost/changed:1"))
    finally:
        store("rmi", "--force", "localhost/changed:1")
    expected = sorted(each for differs in changes.values() for each in differs)
    assert sorted(f"{each.where}: {each.what}" for each in found) == expected


def test_a_difference_names_both_sides() -> None:
    assert str(Difference("data/file", "mode", "0644", "0600")) == "data/file: mode: 0644 / 0600"


def test_every_exception_has_a_reason() -> None:
    assert all(len(may.why.split()) > 3 for may in MAY_DIFFER)
    assert all(len(why.split()) > 3 for why in LABELS_MAY_DIFFER.values())


def test_bytecode_is_compared_by_its_code_not_by_what_its_compiler_had_in_memory() -> None:
    def bytecode(source: str, version: int = marshal.version) -> bytes:
        return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(source, "m.py", "exec"), version)

    def digest(content: bytes) -> str:
        return images_equal._digest(io.BytesIO(content), bytecode=True)

    source = "import one\nNAMES = frozenset({'a', 'b'})\ndef f(x, /):\n    return x if x in NAMES else 1.5\n"
    shared, apart = bytecode(source), bytecode(source, 2)
    assert shared != apart
    assert digest(shared) == digest(apart)
    assert digest(shared) != digest(bytecode(source.replace("1.5", "1.6")))
