"""CUDA on the base, from NVIDIA's wheels: built, started, validated, and a program compiled. Nothing needs a GPU."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import BaseChoice, Engine, ca_bundle
from workbench.catalog.cuda_layers import LAYERS as CHAIN
from workbench.catalog.reader import read_catalogue

pytestmark = pytest.mark.thorough

ANY_USER = "12345:0"
LAYERS = ("base", "runtime", "runtime-cudnn", "devel", "devel-cudnn")
PROGRAM = """\
#include <cstdio>
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cudnn.h>
__global__ void add(int *sum) { sum[threadIdx.x] += 1; }
int main() {
    int version = 0;
    cudaError_t error = cudaRuntimeGetVersion(&version);
    std::printf("%d %d %zu %s\\n", version, error, cudnnGetVersion(), cublasGetStatusString(CUBLAS_STATUS_SUCCESS));
}
"""


def image(layer: str) -> str:
    return f"localhost/workbench-images:cuda-bookworm-py311-{layer}_2026a_20261122"


@pytest.fixture(scope="session")
def chain(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The five CUDA images, built once per session."""
    logs = tmp_path_factory.mktemp("logs")
    done = wizard("cuda", *base.flags(), *ca_bundle(), "--log-dir", logs, env=store.env)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_wheels_arrive_over_a_line_that_breaks(engine: Engine, base: BaseChoice, tmp_path: Path) -> None:
    """Each connection ends after a twelfth of the file: pip by itself gives up after five."""
    wheel = nvidia_wheel()
    with breaking_index("nvidia_big-1.0-py3-none-any.whl", wheel, len(wheel) // 12) as (address, requests):
        requirement = f"nvidia-big==1.0 --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n"
        (tmp_path / "requirements.txt").write_text(requirement)
        tmp_path.chmod(0o755)
        mounts = [f"--volume={REPOSITORY}/cuda-layer/install-wheels.sh:/in.sh:ro,z", f"--volume={tmp_path}:/in:ro,z"]
        variables = [f"--env=PIP_INDEX_URL={address}/simple", "--env=CUDA_VERSION=13.0.2"]
        run = ("run", "--rm", "--network=host", "--user=0", *mounts, *variables, base.image)
        script = "sh /in.sh /in/requirements.txt 2>&1; sha256sum </usr/local/cuda/lib64/libbig.so.1"
        output = engine(*run, "sh", "-c", script)
    with zipfile.ZipFile(io.BytesIO(wheel)) as packed:
        whole = hashlib.sha256(packed.read("nvidia/cu13/lib/libbig.so.1")).hexdigest()
    assert output.splitlines()[-1].split()[0] == whole, output
    assert len(requests) >= 12


def nvidia_wheel() -> bytes:
    """A wheel with a library that no compression makes small, laid out as NVIDIA's are."""
    record = "nvidia_big-1.0.dist-info"
    names = ("nvidia/__init__.py", "nvidia/cu13/lib/libbig.so.1", f"{record}/METADATA", f"{record}/WHEEL")
    texts = (b"", os.urandom(3_000_000), b"Metadata-Version: 2.1\nName: nvidia-big\nVersion: 1.0\n")
    wheel = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in zip(names, (*texts, wheel), strict=True):
            file.writestr(name, text)
        file.writestr(f"{record}/RECORD", "".join(f"{name},,\n" for name in (*names, f"{record}/RECORD")))
    return packed.getvalue()


@contextmanager
def breaking_index(name: str, content: bytes, most: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a package index with one file, and the ranges that were requested of it.

    Each connection ends after `most` bytes of the file.
    """
    requests: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not self.path.endswith(".whl"):
                return self._send(200, f'<a href="/{name}">{name}</a>'.encode(), {"Content-Type": "text/html"})
            requests.append(self.headers.get("Range", ""))
            start = int(requests[-1].removeprefix("bytes=").partition("-")[0] or 0)
            span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if requests[-1] else {}
            self.close_connection = True
            return self._send(206 if span else 200, content[start:], {"ETag": '"1"', **span}, most)

        def _send(self, status: int, body: bytes, headers: dict[str, str], most: int | None = None) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body[:most])

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", requests
        finally:
            server.shutdown()
            thread.join()


def test_every_layer_keeps_its_promises(store: Engine, base: BaseChoice, chain: list[str]) -> None:
    assert chain == [image(layer) for layer in LAYERS]
    done = wizard("validate", *base.flags(), "--layers", ",".join(LAYERS), "--json", env=store.env)
    assert done.returncode == 0, done.stdout + done.stderr
    reports = {report["image"]: report for report in json.loads(done.stdout)}
    assert list(reports) == chain
    results = {check["check"]: check["seen"] for check in reports[image("devel-cudnn")]["checks"]}
    assert results["as 12345:0: libcublas"] == "libcublas.so.13"
    assert results["as 12345:0: version of cudnn"] == "9.14.0"
    assert results["as 12345:0: version of nvcc"] == "13.0"


def test_the_release_records_what_each_layer_adds(engine: Engine, base: BaseChoice, chain: list[str]) -> None:
    """The sizes that the wizard shows are measured: a layer that grew or shrank must be measured again."""
    recorded = read_catalogue(str(REPOSITORY)).releases[base.release].cuda_sizes[base.os]
    weighed = {"": engine.layers(base.image), **{layer: engine.layers(image(layer)) for layer in LAYERS}}
    measured = {}
    for layer, below in CHAIN.items():
        measured[layer] = sum(size for digest, size in weighed[layer].items() if digest not in weighed[below])
    assert set(recorded) == set(measured)
    assert {layer: size for layer, size in measured.items() if abs(size - recorded[layer]) > size // 20} == {}, measured


def test_nvcc_compiles_a_program_that_runs_as_any_user(engine: Engine, chain: list[str], tmp_path: Path) -> None:
    (tmp_path / "program.cu").write_text(PROGRAM)
    tmp_path.chmod(0o755)
    compile_and_run = (
        "cd /tmp && nvcc -arch=sm_80 -o program /in/program.cu -lcublas -lcudnn"
        # What was built finds its libraries by the loader's own cache too.
        " && env -u LD_LIBRARY_PATH ./program"
    )
    mount = f"--volume={tmp_path}:/in:ro,z"
    run = ("run", "--rm", "--network=none", "--user", ANY_USER, mount, image("devel-cudnn"), "sh", "-c")
    assert engine(*run, compile_and_run) == "13000 0 91400 success"


def test_it_resumes_and_the_other_name_is_the_same_image(
    store: Engine, engine: Engine, base: BaseChoice, chain: list[str]
) -> None:
    done = wizard("cuda", *base.flags(), "--json", env=store.env)
    assert done.returncode == 0, done.stderr
    assert {row["layer"]: row["status"] for row in json.loads(done.stdout)} == dict.fromkeys(LAYERS, "up to date")
    other = "localhost/workbench-images:cuda-base-bookworm-py311_2026a_20261122"
    ids = {engine("image", "inspect", "--format", "{{.Id}}", name) for name in (other, image("runtime-cudnn"))}
    assert len(ids) == 1


def test_pip_neither_sees_nor_touches_the_toolkit(engine: Engine, chain: list[str]) -> None:
    run = ("run", "--rm", "--network=none", "--user", ANY_USER, image("runtime-cudnn"))
    assert "nvidia" not in engine(*run, "pip", "list")
    licences = engine(*run, "sh", "-c", "cat /usr/local/cuda/share/wheels/nvidia_cudnn*/licenses/*")
    assert "NVIDIA" in licences


def test_a_recipe_stands_on_it(store: Engine, base: BaseChoice, chain: list[str], tmp_path: Path) -> None:
    flags = [*base.flags(), "--base=cuda", "--bundle=minimal", "--ide=runtime", "--out", str(tmp_path)]
    composed = wizard("new", *flags, env=store.env)
    assert composed.returncode == 0, composed.stderr
    assert "note:" not in composed.stderr
    tag = "cuda-runtime-minimal-bookworm-py311_2026a_20261122"
    built = wizard("build", tmp_path / tag, *ca_bundle(), "--log-dir", tmp_path / "logs", env=store.env)
    assert built.returncode == 0, built.stderr
    load = "import ctypes; print(ctypes.CDLL('libcudnn.so.9').cudnnGetVersion())"
    run = ("run", "--rm", "--network=none", "--user", ANY_USER, f"localhost/workbench-images:{tag}")
    assert store(*run, "python", "-c", load) == "91400"
