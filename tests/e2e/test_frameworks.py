"""The images that are too large for every run: PyTorch's and TensorFlow's, built and used on the CPU."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command import wizard
from tests.e2e.test_bundles import build_bundle
from tests.e2e.test_from_nothing import ANY_USER, running
from tests.e2e.test_ides import PREFIX
from tests.engine import BaseChoice, Engine, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

GB = 10**9
TORCH = """\
import torch, torchvision
left, right = torch.arange(6.0).reshape(2, 3), torch.eye(3)
print(torch.version.cuda, torch.backends.cudnn.version(), (left @ right).sum().item(), torch.cuda.is_available())
"""
TENSORFLOW = """\
import tensorflow as tf
weight = tf.Variable(3.0)
with tf.GradientTape() as tape:
    loss = weight**2
print(tape.gradient(loss, weight).numpy(), len(tf.config.list_physical_devices("GPU")))
"""


@contextmanager
def image(store: Engine, base: BaseChoice, bundle: str, ide: str, folder: Path, needs: int) -> Iterator[str]:
    """Build the image of `bundle` with `ide`, which takes `needs` bytes while it is made; it is gone afterwards."""
    free = shutil.disk_usage(store.folder).free
    if free < needs:
        pytest.skip(f"{bundle} needs {needs} bytes of disk, and {needs - free} of them are missing in {store.folder}")
    name = build_bundle(store, base, bundle, ide, str(folder))
    try:
        print(f"{name}: {int(store('image', 'inspect', '--format={{.Size}}', name)) / GB:.1f} GB")
        yield name
    finally:
        store("rmi", "--force", name)


def test_jupyter_with_pytorch_computes_with_the_versions_that_the_doctor_reports(
    store: Engine, base: BaseChoice, engine: Engine, tmp_path: Path
) -> None:
    with image(store, base, "pytorch", "jupyter", tmp_path, 30 * GB) as name:
        with running(engine, name, PREFIX) as address:
            assert "version" in json.loads(wait_for(f"{address}{PREFIX}/api", 120))
        cuda, cudnn, total, gpu = computed(engine, name, TORCH)
    assert (total, gpu) == ("15.0", "False")
    assert int(cudnn) == cudnn_number(doctor("the bundle's own cuDNN"))
    assert doctor("the bundle's own CUDA").startswith(f"{cuda}.")


def test_runtime_with_tensorflow_computes(store: Engine, base: BaseChoice, engine: Engine, tmp_path: Path) -> None:
    with image(store, base, "tensorflow", "runtime", tmp_path, 15 * GB) as name:
        assert computed(engine, name, TENSORFLOW) == ["6.0", "0"]


def cudnn_number(version: str) -> int:
    """A version as cuDNN reports it, in one number: 92400 for 9.24.0."""
    first, second, third = (int(part) for part in version.split(".")[:3])
    return first * 10000 + second * 100 + third


def computed(engine: Engine, name: str, program: str) -> list[str]:
    """The words of the last line that `program` prints, run as any user and without network."""
    flags = ["--rm", "--network=none", "--user", ANY_USER, "--entrypoint=python"]
    return engine("run", *flags, name, "-c", program).splitlines()[-1].split()


def doctor(about: str) -> str:
    """The version that the doctor names in its finding `about` for the bundle pytorch."""
    done = wizard("doctor", "--bundle=pytorch", "--release=2026a", "--python=3.11", "--driver=580.65.06", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = [finding["about"] for finding in json.loads(done.stdout)["findings"] if about in finding["about"]]
    return str(found).rpartition(" ")[2]
