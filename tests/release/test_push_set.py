from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import TINY, Engine, free_port
from tests.release.registries import LOGIN, USERS, LocalRegistry
from tests.release.sets import BASE, CUDA, EDITOR, LAYER, RUNTIME, SET, TAGS, build_set, forget, make_set, push_set
from workbench.registry.repository import OCI_INDEX, Repository

NAME = "team/images"
MOVING = sorted(tag.replace("20261122", "latest") for tag in TAGS)


# Ends itself as kill -9 does, once the first `latest` has moved.
KILLED = """\
import os, sys
from workbench.release import push_set
def same(*given, same=push_set._point):
    same(*given)
    if given[-1] == push_set.MOVED:
        os.kill(os.getpid(), 9)
push_set._point = same
from workbench.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def built(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a set that is composed and built."""
    folder = tmp_path_factory.mktemp("set")
    forget(store)
    make_set(folder)
    done = build_set(folder, env=store.env)
    assert done.returncode == 0, done.stderr
    yield folder
    forget(store)


@pytest.fixture
def local(engine: Engine, tmp_path: Path) -> Iterator[LocalRegistry]:
    """A registry of the test's own."""
    if shutil.which("docker-registry", path=engine.env["PATH"]) is None:
        pytest.skip("docker-registry not installed")
    registry = LocalRegistry(engine, tmp_path)
    registry.start()
    yield registry
    registry.stop()


def wrapped(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, action: str) -> None:
    """Have podman do `action`, a line of shell, before its push with this number."""
    real = shutil.which("podman")
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "count").write_text("0")
    script = folder / "bin" / "podman"
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = push ]; then\n  n=$(($(cat {folder}/count) + 1)); echo $n >{folder}/count\n'
        f'  if [ $n = {number} ]; then {action}; fi\nfi\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")


def test_dated_tags_then_records_then_latest(built: Path, local: LocalRegistry) -> None:
    done = push_set(built, f"{local.host}/{NAME}", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    steps = [(step["tag"], step["status"]) for step in json.loads(done.stdout)]
    records = [(f"{tag}/{name}", "attached") for tag in (EDITOR, RUNTIME, CUDA) for name in ("provenance.json",)]
    assert [step for step in steps if step[1] != "attached"] == [
        *((tag, "pushed") for tag in TAGS),
        *((tag.replace("20261122", "latest"), "moved") for tag in TAGS),
    ]
    assert [step for step in steps if step[1] == "attached"] == records
    found = local.tags(NAME)
    assert sorted(tag for tag in found if tag.endswith("_latest")) == MOVING
    for tag in TAGS:
        assert found[tag] == found[tag.replace("20261122", "latest")]
    # Again: nothing moves, nothing is pushed.
    again = push_set(built, f"{local.host}/{NAME}", "--json")
    assert {step["status"] for step in json.loads(again.stdout)} == {"there", "attached"}
    assert local.tags(NAME) == found


def test_what_is_attached_is_about_the_image_that_the_registry_has(built: Path, local: LocalRegistry) -> None:
    assert push_set(built, f"{local.host}/{NAME}").returncode == 0
    digest = local.tags(NAME)[EDITOR]
    index = local.manifest(NAME, digest.replace(":", "-"))
    (entry,) = index["manifests"]
    assert entry["artifactType"] == "application/vnd.in-toto+json"
    artifact = local.manifest(NAME, entry["digest"])
    assert artifact["subject"]["digest"] == digest
    (layer,) = artifact["layers"]
    statement = json.loads(local.blob(NAME, layer["digest"]))
    assert statement["subject"] == [{"name": f"{local.host}/{NAME}:{EDITOR}", "digest": {"sha256": digest[7:]}}]
    assert statement["predicate"]["buildDefinition"]["externalParameters"]["selection"]["ide"] == "editor"


@pytest.mark.thorough
def test_a_registry_that_dies_in_the_middle(
    built: Path, local: LocalRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        wrapped(tmp_path, patch, 3, f"kill -9 {local.process}")
        done = push_set(built, f"{local.host}/{NAME}")
    assert done.returncode == 1
    assert f"error: pushing {local.host}/{NAME}:{EDITOR} failed: " in done.stderr
    assert "no `latest` moved" in done.stderr
    local.stop()
    local.start()
    assert sorted(local.tags(NAME)) == sorted([BASE, LAYER])
    done = push_set(built, f"{local.host}/{NAME}", "--json")
    assert done.returncode == 0, done.stderr
    status = {step["tag"]: step["status"] for step in json.loads(done.stdout)}
    assert [status[tag] for tag in TAGS] == ["there", "there", "pushed", "pushed", "pushed"]
    assert sorted(tag for tag in local.tags(NAME) if tag.endswith("_latest")) == MOVING


@pytest.mark.thorough
def test_kill_9_in_the_middle_leaves_latest_where_it_was(
    built: Path, local: LocalRegistry, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert push_set(built, f"{local.host}/{NAME}").returncode == 0
    before = {tag: digest for tag, digest in local.tags(NAME).items() if tag.endswith("_latest")}
    kept = {tag: engine("image", "inspect", "--format", "{{.Id}}", f"localhost/workbench-images:{tag}") for tag in TAGS}
    try:
        for tag in TAGS:
            engine(
                "build", "--tag", f"localhost/workbench-images:{tag}", "-", stdin=f"FROM {TINY}\nENV x={tag}".encode()
            )
        with monkeypatch.context() as patch:
            wrapped(tmp_path, patch, 4, f"touch {tmp_path}/reached; sleep 300")
            command = [sys.executable, str(REPOSITORY / "wizard.py"), "push", f"{local.host}/{NAME}", *SET, "--replace"]
            command += ["--catalog", str(built / "catalogue"), "--recipes", str(built / "recipes")]
            push = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while not (tmp_path / "reached").exists():
                assert push.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            os.killpg(push.pid, signal.SIGKILL)
            push.wait()
        now = local.tags(NAME)
        assert {tag: now[tag] for tag in before} == before
        # Three dated tags are new, two are old: no set at all, and `latest` names none of it.
        assert [now[tag] == before[tag.replace("20261122", "latest")] for tag in TAGS] == [False] * 3 + [True] * 2
        assert push_set(built, f"{local.host}/{NAME}", "--replace").returncode == 0
        after = local.tags(NAME)
        assert all(after[tag] == after[tag.replace("20261122", "latest")] != now[CUDA] for tag in TAGS)
    finally:
        for tag, identity in kept.items():
            engine("tag", identity, f"localhost/workbench-images:{tag}")


def test_kill_9_between_two_moves_of_latest_is_finished_by_the_same_command(
    built: Path, local: LocalRegistry, engine: Engine
) -> None:
    """A registry has no transaction over tags: all that can be had is that the rest follows."""
    command = [sys.executable, "-c", KILLED, "push", f"{local.host}/{NAME}", *SET]
    command += ["--catalog", str(built / "catalogue"), "--recipes", str(built / "recipes")]
    assert subprocess.run(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL, check=False).returncode == -9
    now = local.tags(NAME)
    assert set(TAGS) <= set(now)
    assert len([tag for tag in now if tag.endswith("_latest")]) == 1
    assert push_set(built, f"{local.host}/{NAME}").returncode == 0
    after = local.tags(NAME)
    assert all(after[tag] == now[tag] == after[tag.replace("20261122", "latest")] for tag in TAGS)


def test_another_image_under_a_dated_tag_is_refused(built: Path, local: LocalRegistry, engine: Engine) -> None:
    engine("push", TINY, f"docker://{local.host}/{NAME}:{RUNTIME}")
    done = push_set(built, f"{local.host}/{NAME}")
    assert done.returncode == 1
    assert f"error: {local.host}/{NAME}:{RUNTIME} is another image: sha256:" in done.stderr
    assert "--replace" in done.stderr
    assert not [tag for tag in local.tags(NAME) if tag.endswith("_latest")]


def test_a_digest_that_does_not_match_is_reported(built: Path, local: LocalRegistry) -> None:
    assert push_set(built, f"{local.host}/{NAME}").returncode == 0
    digest = local.tags(NAME)[LAYER].removeprefix("sha256:")
    data = local.folder / "blobs/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
    data.write_bytes(data.read_bytes() + b" ")
    done = push_set(built, f"{local.host}/{NAME}")
    assert done.returncode == 1
    assert f"the registry reports sha256:{digest} for {LAYER}, and its bytes are sha256:" in done.stderr


def test_a_registry_that_is_down(built: Path, engine: Engine) -> None:
    host = f"127.0.0.1:{free_port()}"
    done = push_set(built, f"{host}/{NAME}")
    assert done.returncode == 1
    assert f"error: the registry {host} does not answer: " in done.stderr


def test_a_registry_that_wants_a_login(
    built: Path, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = LocalRegistry(engine, tmp_path, USERS)
    private.start()
    try:
        done = push_set(built, f"{private.host}/{NAME}")
        assert done.returncode == 1
        assert f"error: the registry {private.host} refuses GET" in done.stderr
        assert f"`podman login {private.host}` first" in done.stderr
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {private.host: {"auth": LOGIN}}}))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
        done = push_set(built, f"{private.host}/{NAME}")
        assert done.returncode == 0, done.stderr
        assert "tester" not in done.stderr + done.stdout
    finally:
        private.stop()


def test_images_that_are_not_built_are_named_before_anything_is_pushed(
    built: Path, local: LocalRegistry, engine: Engine
) -> None:
    name = f"localhost/workbench-images:{CUDA}"
    identity = engine("image", "inspect", "--format", "{{.Id}}", name)
    engine("untag", name, name)
    done = push_set(built, f"{local.host}/{NAME}")
    engine("tag", identity, name)
    assert done.returncode == 1
    assert f"1 of 5 images of the set are not here; nothing was pushed\n  {CUDA}: is not built" in done.stderr
    assert local.tags(NAME) == {}


KEY = REPOSITORY / "tests/attest/signing/cosign.key"


def test_every_image_and_record_is_signed_before_latest_moves(
    built: Path, local: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    done = push_set(built, f"{local.host}/{NAME}", "--json", "--sign-key", str(KEY))
    assert done.returncode == 0, done.stderr
    steps = [(step["tag"], step["status"]) for step in json.loads(done.stdout)]
    assert [tag for tag, status in steps if status == "signed"] == [f"{tag}/signature" for tag in TAGS]
    first = next(number for number, (_, status) in enumerate(steps) if status == "moved")
    assert [status for _, status in steps[first:]] == ["moved"] * len(TAGS)
    images = [f"{local.host}/{NAME}:{tag}" for tag in (*TAGS, *MOVING)]
    checked = wizard("verify", *images, "--key", KEY.with_suffix(".pub"), "--json")
    assert checked.returncode == 0, checked.stderr
    reports = {each["image"].rpartition(":")[2]: each for each in json.loads(checked.stdout)}
    assert reports[EDITOR]["records"] == {"provenance.json": ""}
    names = [each["reference"] for each in reports[EDITOR]["signatures"]]
    assert names == [f"{local.host}/{NAME}:{EDITOR}", f"{local.host}/{NAME}:{EDITOR.replace('20261122', 'latest')}"]


@pytest.mark.thorough
def test_a_password_is_checked_before_anything_is_pushed_and_shown_nowhere(
    built: Path, local: LocalRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = "t0p-s3cret"
    monkeypatch.setenv("COSIGN_PASSWORD", word)
    done = push_set(built, f"{local.host}/{NAME}", "--sign-key", str(KEY))
    assert (done.returncode, local.tags(NAME)) == (1, {})
    assert done.stderr == f"error: {KEY}: the password is wrong\n"
    assert wizard("keys", "new", tmp_path / "own").returncode == 0
    # Named by a variable, and nothing that is started gets it by its arguments.
    wrapped(tmp_path, monkeypatch, 1, f'echo "$@" >{tmp_path}/arguments')
    monkeypatch.setenv("WORKBENCH_SIGN_KEY", str(tmp_path / "own.key"))
    done = push_set(built, f"{local.host}/{NAME}")
    assert done.returncode == 0, done.stderr
    assert f"{len(TAGS)} images are at {local.host}/{NAME}, signed, and `latest` names them" in done.stdout
    kept = [path for path in (*local.folder.rglob("*"), *built.rglob("*")) if path.is_file()]
    assert len(kept) > 20 and not [path for path in kept if word.encode() in path.read_bytes()]
    assert word not in done.stdout + done.stderr + (tmp_path / "arguments").read_text()


@pytest.mark.thorough
def test_signing_that_fails_keeps_latest_and_says_what_became_of_each_image(
    built: Path, local: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    # Something else has the place of the signatures of the second.
    assert push_set(built, f"{local.host}/{NAME}").returncode == 0
    digest = local.tags(NAME)[LAYER]
    with Repository(f"{local.host}/{NAME}") as remote:
        listed = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
        remote.put_manifest(f"{digest.replace(':', '-')}.sig", listed, OCI_INDEX)
    done = push_set(built, f"{local.host}/{NAME}", "--json", "--sign-key", str(KEY))
    assert (done.returncode, done.stdout) == (1, "")
    report = json.loads(done.stderr)
    assert report["error"] == "signing failed; 2 of 5 images are pushed, and no `latest` moved"
    states = {each["where"]: each["error"] for each in report["faults"]}
    assert list(states) == list(TAGS)
    assert states[BASE] == "is pushed and signed"
    assert states[LAYER].startswith("is pushed and not signed: ") and "something else than signatures" in states[LAYER]
    assert {states[tag] for tag in TAGS[2:]} == {"was not pushed"}


@pytest.mark.parametrize("repository", ["images", "team/images", "quay.io/team/images:tag"])
def test_what_is_no_repository(built: Path, engine: Engine, repository: str) -> None:
    assert push_set(built, repository).returncode == 2
