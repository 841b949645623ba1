from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalogues import REPOSITORY
from tests.command import files_below
from workbench.catalog.reader import read_catalogue
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue
from workbench.containerfile.parser import instructions
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.models import rules
from workbench.models.config import BuildConfig, CogConfig, RunStep, SecretMount
from workbench.models.containerfile import containerfile
from workbench.models.lock import ModelLock
from workbench.models.model import Model, ModelBase, Resolved
from workbench.models.request import image_name, model_request
from workbench.monobase.requirements import LockedPackage
from workbench.recipes.lint import lint

BASE = "localhost/workbench-images:base-bookworm-py311_2026a_latest"
RESOLVED = Resolved("3.11", "", "", "0.23.1", {}, {"cog": "0.23.1", "numpy": "2.4.6"}, "sha256:1")
CONFIG = CogConfig(
    BuildConfig(
        system_packages=("libgl1", "tree"),
        pre_install=(RunStep("echo first"),),
        run=(RunStep("echo 'a'\necho \"$HOME\" <<EOF"), RunStep("cat /run/t", (SecretMount("t", "/run/t"),))),
    ),
    predict="predict.py:Predictor",
    train="train.py:train",
    concurrency=4,
    environment={"A": 'x "y" $z \\', "B": ""},
)
MODEL = Model("localhost/models/m:latest", CONFIG, RESOLVED, ModelBase(BASE, "sha256:2", "the base"), '{"a":1}')
LOCK = ModelLock(
    "",
    (
        LockedPackage("cog", "cog==0.23.1 --hash=sha256:1", False),
        LockedPackage("numpy", "numpy==2.4.6 --hash=sha256:2", False),
    ),
    True,
)
WEIGHTLESS = replace(
    MODEL,
    config=CogConfig(predict="predict.py:Predictor"),
    base=ModelBase("localhost/monobase:1", "", "monobase", {}, "g00002", "python3.11-plain", {"MONOBASE_GEN_ID": "2"}),
)


@pytest.fixture(scope="module")
def ours() -> Catalogue:
    return read_catalogue(str(REPOSITORY))


def text(ours: Catalogue, model: Model, os: str = "bookworm", *, requirements: bool = True) -> str:
    return containerfile(model, CatalogueTree(str(REPOSITORY)), ours, os, requirements=requirements)


def test_a_whole_containerfile(ours: Catalogue) -> None:
    assert text(ours, MODEL) == (
        "# localhost/models/m:latest, from cog.yaml: what changes least comes first, so that a change of code costs no "
        "package.\n"
        f"FROM {BASE}\n"
        "\n"
        "# === Packages of the operating system (models/os_packages)\n"
        "USER 0\n"
        "COPY os-packages.txt /tmp/os-packages.txt\n"
        "RUN apt-get update \\\n"
        "    && DEBIAN_FRONTEND=noninteractive xargs -a /tmp/os-packages.txt apt-get install -y "
        "--no-install-recommends \\\n"
        "    && apt-get clean \\\n"
        "    && rm -rf /tmp/os-packages.txt /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log\n"
        "\n"
        "# === Steps before the Python packages (models/pre_install)\n"
        "USER 0\n"
        'RUN ["/bin/sh", "-ec", "umask 0002\\necho first"]\n'
        "\n"
        "# === Python packages that the base has not, as they are locked (models/python_packages)\n"
        "USER 1001\n"
        "COPY --chown=1001:0 requirements.txt /tmp/requirements.txt\n"
        "RUN umask 0002 \\\n"
        "    && pip install --no-cache-dir --no-deps --require-hashes -r /tmp/requirements.txt \\\n"
        "    && rm /tmp/requirements.txt\n"
        "\n"
        "# === The model: what changes most (models/model)\n"
        'ENV A="x \\"y\\" \\$z \\\\" \\\n'
        '    B=""\n'
        "USER 0\n"
        'RUN ["/bin/sh", "-ec", "umask 0002\\necho \'a\'\\necho \\"$HOME\\" <<EOF"]\n'
        'RUN --mount=type=secret,id=t,target=/run/t ["/bin/sh", "-ec", "umask 0002\\ncat /run/t"]\n'
        "COPY --chown=1001:0 src/ /src/\n"
        'ENV COG_PREDICT_TYPE_STUB="predict.py:Predictor" \\\n'
        '    COG_TRAIN_TYPE_STUB="train.py:train" \\\n'
        '    COG_MAX_CONCURRENCY="4"\n'
        "USER 1001\n"
        "WORKDIR /src\n"
        "EXPOSE 5000\n"
        'CMD ["python", "-m", "cog.server.http"]\n'
    )


def test_flags_of_a_step_are_those_of_its_run(ours: Catalogue) -> None:
    step = RunStep("pip --version", flags=("--mount=type=cache,target=/c",))
    made = text(ours, replace(MODEL, config=CogConfig(build=BuildConfig(run=(step,)))), requirements=False)
    assert 'RUN --mount=type=cache,target=/c ["/bin/sh", "-ec", "umask 0002\\npip --version"]\n' in made


def test_a_containerfile_of_nothing_but_the_model(ours: Catalogue) -> None:
    plain = replace(MODEL, config=CogConfig(predict="predict.py:Predictor"))
    words = [item.word for item in instructions(text(ours, plain, requirements=False))]
    assert words == ["FROM", "COPY", "ENV", "USER", "WORKDIR", "EXPOSE", "CMD"]
    light = text(ours, WEIGHTLESS, requirements=False)
    assert [item.word for item in instructions(light)] == ["FROM", "COPY", "ENV", "USER", "WORKDIR", "EXPOSE", "CMD"]
    assert 'MONOBASE_GEN_ID="2"' in light
    # What its environment has not is a layer below the code.
    more = text(ours, WEIGHTLESS)
    words = [item.word for item in instructions(more)]
    assert words == ["FROM", "USER", "COPY", "RUN", "COPY", "ENV", "USER", "WORKDIR", "EXPOSE", "CMD"]
    assert '"environment g00002/python3.11-plain" > /opt/app-root/user-layer/.monobase' in more
    assert lint(ours, more) == []


def test_an_interpreter_is_a_layer_of_its_own_before_all_packages(ours: Catalogue) -> None:
    resolved = replace(RESOLVED, python="3.10", interpreter="3.10.22")
    found = text(ours, replace(MODEL, config=replace(CONFIG, environment={}), resolved=resolved))
    assert (
        "USER 1001\n"
        "RUN umask 0002 \\\n"
        "    && export UV_PYTHON_INSTALL_DIR=/opt/app-root/python \\\n"
        "    && uv python install --no-bin 3.10.22 \\\n"
        '    && "$(uv python find --managed-python --no-project 3.10.22)" -m venv /opt/app-root/model\n'
        "ENV VIRTUAL_ENV=/opt/app-root/model \\\n"
        "    PATH=/opt/app-root/model/bin:$PATH\n"
    ) in found
    assert found.index("os-packages.txt") < found.index("uv python") < found.index("echo first") < found.index("pip ")
    assert lint(ours, found) == []


def test_tracing_is_set_up_by_the_servers_variables(ours: Catalogue) -> None:
    traces = {"enabled": "true", "sampler": "always_on", "trace_header": "x-trace"}
    config = CogConfig(predict="predict.py:Predictor", traces=traces, traces_config="set/up.py")
    found = text(ours, replace(MODEL, config=config), requirements=False)
    assert "COPY --chown=1001:0 src/set/up.py /.cog/telemetry.py\n" in found
    for variable in ("COG_TRACE_ENABLED", "COG_TRACE_CONFIGURED"):
        assert f'{variable}="true"' in found
    assert 'COG_TRACE_SAMPLER="always_on"' in found and 'COG_TRACE_HEADER="x-trace"' in found
    assert 'COG_OBSERVABILITY_CONFIG="/.cog/telemetry.py"' in found


def test_what_is_built_from_sources_and_commits_has_steps_of_its_own(ours: Catalogue) -> None:
    model = replace(MODEL, config=CogConfig(predict="predict.py:Predictor"))
    found = containerfile(
        *(model, CatalogueTree(str(REPOSITORY)), ours, "bookworm"), requirements=True, sources=True, commits=True
    )
    at = [found.index(f"-r /tmp/{name}") for name in ("requirements.txt", "requirements-source.txt")]
    assert at == sorted(at) and at[-1] < found.index("-r /tmp/requirements-git.txt")
    assert lint(ours, found) == []


@pytest.mark.parametrize("os", ["bookworm", "c9s"])
def test_hadolint_finds_nothing(ours: Catalogue, os: str) -> None:
    # hadolint's own parser, unlike those that build, ends no text at an escaped backslash.
    model = replace(MODEL, config=replace(CONFIG, environment={"A": 'x "y" $z', "B": ""}))
    assert lint(ours, text(ours, model, os)) == []
    assert lint(ours, text(ours, WEIGHTLESS, os)) == []


TEXT = st.text(max_size=30).filter(lambda value: not rules.variable(f"A={value}"))


@settings(deadline=None)
@given(TEXT, st.text(st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters="\n\t"), max_size=40))
def test_whatever_is_written_into_a_command_or_a_variable_stays_in_it(value: str, command: str) -> None:
    catalogue = read_once()
    config = CogConfig(BuildConfig(run=(RunStep(command),)), predict="p.py:P", environment={"A": value})
    written = text(catalogue, replace(MODEL, config=config), requirements=False)
    # As builders do that put a line in between.
    parsed = instructions("\n".join(written.splitlines()))
    assert [item.word for item in parsed] == [
        *("FROM", "ENV", "USER", "RUN", "COPY", "ENV", "USER", "WORKDIR", "EXPOSE", "CMD"),
    ]
    run = next(item for item in parsed if item.word == "RUN")
    assert (run.json, run.args) == (True, ("/bin/sh", "-ec", f"umask 0002\n{command}"))
    assert len(parsed[1].args) in (2, 3) and parsed[1].args[0] == "A"


_ONCE: list[Catalogue] = []


def read_once() -> Catalogue:
    if not _ONCE:
        _ONCE.append(read_catalogue(str(REPOSITORY)))
    return _ONCE[0]


def test_what_is_handed_to_a_builder(ours: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text("pass\n")
    (tmp_path / "key").write_text("hush")
    installed = replace(MODEL, base=replace(MODEL.base, installed={"numpy": "2.4.6"}))
    (tmp_path / ".dockerignore").write_text("key\n")
    with model_request(
        *(installed, str(tmp_path), LOCK, CatalogueTree(str(REPOSITORY)), ours, "bookworm"),
        secrets={"t": f"{tmp_path}/key"},
    ) as request:
        assert request.names == ("localhost/models/m:latest",)
        assert request.secrets == {"t": f"{tmp_path}/key"}
        assert files_below(Path(request.folder)) == {
            "os-packages.txt": b"libgl1\ntree\n",
            "requirements.txt": b"cog==0.23.1 --hash=sha256:1\n",
            "src/.cog/openapi_schema.json": b'{"a":1}',
            "src/predict.py": b"pass\n",
        }
        image_labels = dict(request.labels)
    assert not Path(request.folder).exists()
    assert image_labels.keys() == {
        *("run.cog.version", "run.cog.config", "run.cog.openapi_schema", "io.workbench-images.model"),
    }
    assert json.loads(image_labels["run.cog.config"]) == CONFIG.as_data()
    assert json.loads(image_labels["io.workbench-images.model"])["on"] == {
        "image": BASE,
        "id": "sha256:2",
        "why": "the base",
        "held": {"numpy": "2.4.6"},
    }


def test_secrets_must_be_those_of_the_steps(ours: Catalogue, tmp_path: Path) -> None:
    common = (str(tmp_path), LOCK, CatalogueTree(str(REPOSITORY)), ours, "bookworm")
    (tmp_path / "key").write_text("")
    for given_, kind, message in (
        ({}, FaultsError, "secrets are missing"),
        ({"t": "/nowhere"}, WorkbenchError, "the secret t is not a file, or has a comma in its path"),
        (
            {"t": f"{tmp_path}/key", "u": f"{tmp_path}/key"},
            UsageError,
            f"no step of {tmp_path}/cog.yaml uses a secret 'u'",
        ),
    ):
        with pytest.raises(kind) as caught, model_request(MODEL, *common, secrets=given_):
            pass
        assert caught.value.message == message


@pytest.mark.parametrize(
    ("folder", "config", "given_", "name"),
    [
        ("/models/My Model_2", "", "", "localhost/models/my-model-2:latest"),
        ("/m", "registry.example.com/team/m", "", "registry.example.com/team/m:latest"),
        ("/m", "team/m:3", "", "localhost/team/m:3"),
        ("/m", "team/m:3", "localhost:5000/x:1", "localhost:5000/x:1"),
        ("/m", "", "localhost:5000/x", "localhost:5000/x:latest"),
    ],
)
def test_the_images_name(folder: str, config: str, given_: str, name: str) -> None:
    assert image_name(CogConfig(image=config), folder, given_) == name


def test_a_name_that_is_not_valid(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the folder: 'localhost/models/' is not an image name"):
        image_name(CogConfig(), str(tmp_path / "…"))
    with pytest.raises(UsageError, match="--image: 'x@sha256:1' is not an image name"):
        image_name(CogConfig(), "/m", "x@sha256:1")
