from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.catalog.faults import Faults
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.models.config import BuildConfig, CogConfig, RunStep, SecretMount, Weights
from workbench.models.load import config_of, no_effect, read_config
from workbench.models.yaml_nodes import parse_yaml

WHOLE = """\
build:
  gpu: true
  cuda: 12.4
  cudnn: 9
  python_version: 3.10
  python_packages:
    - torch==2.6.0
    - "numpy"
  python_requirements: requirements.txt
  system_packages: [libgl1, "ffmpeg=7:5.1"]
  pre_install: [echo first]
  run:
    - echo one
    - command: |
        cat /run/token
        echo two
      mounts:
        - type: secret
          id: token
          target: /run/token
predict: src/predict.py:Predictor
train: train.py:train
image: registry.example.com/team/model
concurrency:
  max: 4
environment:
  - A=b=c
  - EMPTY=
"""


def read(text: str) -> tuple[CogConfig, list[tuple[str, str]]]:
    faults = Faults()
    return config_of(parse_yaml(text, "cog.yaml"), "cog.yaml", faults), faults.found


def test_flags_of_a_step_stand_before_its_command() -> None:
    config, faults = read(
        "build:\n  run:\n"
        "    - --mount=type=cache,target=/root/.cache/pip,sharing=locked --mount=type=tmpfs,dst=/t pip --version\n"
        "    - echo --mount=type=cache,target=/x\n"
    )
    assert faults == []
    assert config.build.run == (
        RunStep(
            "pip --version",
            flags=("--mount=type=cache,target=/root/.cache/pip,sharing=locked", "--mount=type=tmpfs,dst=/t"),
        ),
        RunStep("echo --mount=type=cache,target=/x"),
    )


def test_everything_that_may_be_given() -> None:
    config, faults = read(WHOLE)
    assert faults == []
    assert config == CogConfig(
        build=BuildConfig(
            gpu=True,
            cuda="12.4",
            cudnn="9",
            python_version="3.10",
            python_packages=("torch==2.6.0", "numpy"),
            python_requirements="requirements.txt",
            system_packages=("libgl1", "ffmpeg=7:5.1"),
            pre_install=(RunStep("echo first"),),
            run=(RunStep("echo one"), RunStep("cat /run/token\necho two\n", (SecretMount("token", "/run/token"),))),
        ),
        predict="src/predict.py:Predictor",
        train="train.py:train",
        image="registry.example.com/team/model",
        concurrency=4,
        environment={"A": "b=c", "EMPTY": ""},
        lines=config.lines,
    )
    assert {key: config.lines[key] for key in ("build", "build.cuda", "build.run", "concurrency.max")} == {
        "build": 1,
        "build.cuda": 3,
        "build.run": 12,
        "concurrency.max": 25,
    }
    # What the label has is a cog.yaml again, with the same contents.
    again, faults = read(yaml.safe_dump(config.as_data()))
    assert faults == []
    assert again.as_data() == config.as_data()


def test_every_key_of_the_current_cog_is_read() -> None:
    config, faults = read(
        "build:\n  fast: true\n  sdk_version: 0.18.0\n  python_overrides: ./overrides.txt\n"
        "  python_requirements: ./requirements.txt\n"
        "model: r8.im/team/model\nrun: ./run.py:Runner\n"
        "concurrency: {max: 4, default_target: 2}\n"
        "environment: [PYTHONPATH=/src/lib]\n"
        "weights:\n"
        "  - {name: base, target: /src/weights, source: {uri: 'hf://a/b', include: ['*.bin']}}\n"
        "  - {target: w2, source: [{uri: a}, {uri: b}]}\n"
        "  - {source: 'https://example.com/w.tar'}\n"
        "observability: {config: telemetry.py, traces: {enabled: true, sampler: traceidratio, sampler_arg: 0.5}}\n"
        "tests: [{command: x}]\n"
    )
    assert faults == []
    assert (config.build.sdk_version, config.build.python_overrides) == ("0.18.0", "overrides.txt")
    assert (config.build.python_requirements, config.predict) == ("requirements.txt", "run.py:Runner")
    assert (config.image, config.environment) == ("r8.im/team/model", {"PYTHONPATH": "/src/lib"})
    assert config.weights == (
        Weights("base", "/src/weights", ("hf://a/b",)),
        Weights("", "w2", ("a", "b")),
        Weights("", "", ("https://example.com/w.tar",)),
    )
    assert config.traces == {"enabled": "true", "sampler": "traceidratio", "sampler_arg": "0.5"}
    assert config.traces_config == "telemetry.py"
    assert [text.partition(" ")[0] for text in no_effect(config)] == [
        *("build.fast", "concurrency.default_target", "tests")
    ]
    again, faults = read(yaml.safe_dump(config.as_data()))
    assert faults == []
    assert again.as_data() == config.as_data()


def test_run_at_the_top_is_another_name_of_predict() -> None:
    assert read("run: run.py:Runner\n")[0].predict == "run.py:Runner"
    assert read("run: run.py:Runner\npredict: predict.py:P\n")[1] == [
        ("cog.yaml:1", "predict and run are two names of one key: take one of them")
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "build:\n", "build: {}\n", "build: null\nrun: ~\n"])
def test_nothing_given_is_no_fault(text: str) -> None:
    config, faults = read(text)
    assert (config.as_data(), faults) == ({}, [])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("biuld: {}\n", 1, "cog.yaml has no key 'biuld': did you mean build?"),
        ("\nbuild:\n  python_verison: '3.11'\n", 3, "build has no key 'python_verison': did you mean python_version"),
        ("concurrency:\n  most: 3\n", 2, "concurrency has no key 'most': "),
        ("build: []\n", 1, "build must be a map, and is a list"),
        ("build: 3\n", 1, "build must be a map, and is a number (3)"),
        ("- build\n", 1, "cog.yaml must be a map, and is a list"),
        ("build:\n  gpu: 'yes'\n", 2, "build.gpu must be true or false, and is a text (yes)"),
        ("build:\n  gpu: 1\n", 2, "build.gpu must be true or false, and is a number (1)"),
        ("build:\n  cuda: [12.4]\n", 2, "build.cuda must be a version, and is a list"),
        ("build:\n  cuda: 12\n", 2, "'12' is not a CUDA version: write it as 12.4"),
        ("build:\n  cuda: 1e3\n", 2, "'1e3' is not a CUDA version: write it as 12.4"),
        ("build:\n  cudnn: eight\n", 2, "'eight' is not a cuDNN version: write it as 9"),
        ("build:\n  python_version: 3\n", 2, "'3' is not a Python version: write it as 3.11"),
        ("build:\n  python_version: true\n", 2, "build.python_version must be a version, and is true or false (true)"),
        ("build:\n  python_packages: numpy\n", 2, "build.python_packages must be a list, and is a text (numpy)"),
        ("build:\n  python_packages:\n    - numpy\n    - 3\n", 4, "build.python_packages must be a list of texts"),
        ("build:\n  python_packages: ['numpy==']\n", 2, "'numpy==' is not a requirement: "),
        (
            "build:\n  python_packages: ['x @ http://host/x.whl']\n",
            2,
            "'x @ http://host/x.whl': only git, or a wheel or",
        ),
        ("build:\n  python_packages: ['-e .']\n", 2, "'.' is a package in the model's folder: build a wheel of it"),
        ("build:\n  python_packages: ['x --global-option=a']\n", 2, "the option --global-option is not supported"),
        ("build:\n  python_requirements: ../r.txt\n", 2, "'../r.txt' is not a file below the model's folder"),
        ("build:\n  system_packages: ['a; rm -rf /']\n", 2, "'a; rm -rf /' is not a package name"),
        ("build:\n  system_packages: ['--help']\n", 2, "'--help' is not a package name"),
        ("build:\n  run: echo\n", 2, "build.run must be a list, and is a text (echo)"),
        ("build:\n  run: ['  ']\n", 2, "a command is empty"),
        ('build:\n  run: ["a\\0b"]\n', 2, "a command has a character that no shell accepts"),
        ("build:\n  run:\n    - {comand: x}\n", 3, "build.run[] has no key 'comand': did you mean command?"),
        ("build:\n  run:\n    - {mounts: []}\n", 3, "a step of build.run has no command"),
        (
            "build:\n  run:\n    - {command: x, mounts: [{type: bind, id: a, target: /a}]}\n",
            3,
            "a mount must be of type",
        ),
        (
            "build:\n  run:\n    - {command: x, mounts: [{type: secret, id: a}]}\n",
            3,
            "a mount needs type, id and target",
        ),
        (
            "build:\n  run:\n    - {command: x, mounts: [{type: secret, id: 'a,b', target: /a}]}\n",
            3,
            "'a,b' is not an id of",
        ),
        (
            "build:\n  run:\n    - {command: x, mounts: [{type: secret, id: a, target: /../a}]}\n",
            3,
            "'/../a' is not a path",
        ),
        (
            "build:\n  run:\n    - --mount=type=bind,from=x,target=/x y\n",
            3,
            "--mount=type=bind,from=x,target=/x cannot stand before a command",
        ),
        ("build:\n  run: ['--mount=type=cache,id=a b']\n", 2, "--mount=type=cache,id=a cannot stand before a command"),
        ("build:\n  run: ['--network=host b']\n", 2, "--network=host cannot stand before a command"),
        ("build:\n  run: ['--mount=type=tmpfs,target=/t']\n", 2, "a command is empty"),
        ("build:\n  fast: 3\n", 2, "build.fast must be true or false, and is a number (3)"),
        ("build:\n  environment: [A=b]\n", 2, "build.environment is not supported: write variables into the list"),
        ("build:\n  sdk_version: newest\n", 2, "'newest' is not a version: write it as 0.18.0"),
        ("build:\n  python_overrides: /etc/x\n", 2, "'/etc/x' is not a file below the model's folder"),
        ("model: registry.example.com/a:1\n", 1, "'registry.example.com/a:1' has a tag: `model` names a repository"),
        ("model: a/b\nimage: a/b\n", 1, "image and model both name the image: take one of them"),
        ("weights: x\n", 1, "weights must be a list, and is a text (x)"),
        ("weights:\n  - {target: /w}\n", 2, "weights need a source"),
        ("weights:\n  - {source: [3]}\n", 2, "a source of weights must be an address, or a map with uri"),
        ("weights:\n  - {source: a, target: ../b}\n", 2, "'../b' is not a path for weights: write it as /src/weights"),
        ("weights:\n  - {source: a, name: A B}\n", 2, "'A B' is not a name of weights"),
        ("concurrency: {default_target: some}\n", 1, "concurrency.default_target must be a whole number"),
        ("observability: {config: ../x.py}\n", 1, "'../x.py' is not a file below the model's folder"),
        ("observability: {traces: {sampler: a b}}\n", 1, "'a b' cannot be a setting of traces"),
        (
            "predict: predict.py\n",
            1,
            "'predict.py' does not name a class or function: write it as",
        ),
        ("predict: /etc/x.py:P\n", 1, "'/etc/x.py:P' does not name a class or function"),
        ("predict: a/../../x.py:P\n", 1, "'a/../../x.py:P' does not name a class or function"),
        ("predict: !!python/object:os.system x\n", 1, "predict must be a text, and is something else"),
        (
            "image: Not/An Image\n",
            1,
            "'Not/An Image' is not an image name: write it as registry.example.com/",
        ),
        ("concurrency: 4\n", 1, "concurrency must be a map, and is a number (4)"),
        ("concurrency:\n  max: 0\n", 2, "concurrency.max must be a whole number from 1 to 1000, and is 0"),
        ("concurrency:\n  max: 1.5\n", 2, "concurrency.max must be a whole number from 1 to 1000, and is 1.5"),
        ("concurrency:\n  max: many\n", 2, "concurrency.max must be a whole number, and is a text (many)"),
        ("environment:\n  - A\n", 2, "'A' is not a variable: write it as NAME=value"),
        ("environment:\n  - 1A=b\n", 2, "'1A=b' is not a variable: write it as NAME=value"),
        ("environment:\n  - PATH=/x\n", 2, "PATH is reserved: the image sets it or depends on it"),
        ("environment:\n  - R8_TORCH_VERSION=1\n", 2, "R8_TORCH_VERSION is reserved"),
        ("environment:\n  - HF_TOKEN=abc\n", 2, "HF_TOKEN would be in the image for everyone to read: pass it when"),
        ('environment:\n  - "A=b\\nUSER 0"\n', 2, "the value of A has a line break or the like"),
        ('environment:\n  - "A=b\u2028USER 0"\n', 2, "the value of A has a line break or the like"),
        ("environment: [A=1, A=2]\n", 1, "a variable is set twice"),
        ("environment:\n  A: b\n", 2, "environment must be a list, and is a map"),
        ("predict: a.py:A\npredict: b.py:B\n", 2, "predict occurs twice"),
    ],
)
def test_what_is_wrong_is_reported_with_its_line(text: str, line: int, message: str) -> None:
    _, faults = read(text)
    assert faults[0][0] == f"cog.yaml:{line}"
    assert faults[0][1].startswith(message)


def test_all_faults_are_reported_at_once() -> None:
    _, faults = read("build:\n  gpu: 1\n  cuda: x\n  fats: true\nimages: a\nenvironment: [A]\n")
    assert sorted(int(where.rpartition(":")[2]) for where, _ in faults) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("data", "where", "message"),
    [
        (b"build: [\n", ":2", "is not YAML: "),
        (b"a: b: c\n", ":1", "is not YAML: mapping values are not allowed here"),
        (b"build:\n  run: \x01\n", ":2", "is not YAML: a character is not allowed"),
        (b"a\xff: 1\n", ":1", "is not UTF-8"),
        (b"a: &x [*x]\n", ":1", "an alias (*name) is not allowed here: write it out"),
        (b"a: &x 1\nb: *x\n", ":1", "an alias (*name) is not allowed here: write it out"),
        (b"[a, b]: 1\n", ":1", "a key must be a word"),
        (b"a: 1\n---\nb: 1\n", ":2", "is not YAML: "),
        (b"[" * 5000, "", "is nested too deeply"),
        (b"a: " + b"x" * 1_000_001, "", "is longer than a megabyte: that is not a cog.yaml"),
    ],
)
def test_what_is_not_yaml(tmp_path: Path, data: bytes, where: str, message: str) -> None:
    (tmp_path / "cog.yaml").write_bytes(data)
    with pytest.raises(WorkbenchError) as caught:
        read_config(str(tmp_path), Faults())
    assert caught.value.where == f"{tmp_path}/cog.yaml{where}"
    assert caught.value.message.startswith(message)


def test_a_folder_without_one_has_a_hint_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as caught:
        read_config(str(tmp_path), Faults())
    assert (caught.value.message, caught.value.where) == ("there is no cog.yaml", str(tmp_path))
    assert caught.value.hint == f"`{here(f'model init {tmp_path}')}` makes one"


WORDS = st.sampled_from(
    [
        "build",
        "gpu",
        "cuda",
        "python_packages",
        "run",
        "command",
        "mounts",
        "secret",
        "predict",
        "max",
        "environment",
        "1e9",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)


@settings(deadline=None)
@given(VALUES)
@example({"build": {"run": [{"command": {"a": 1}, "mounts": [3]}]}, "concurrency": {"max": float("inf")}})
@example({"environment": [None], "build": {"run": [None, {}], "python_packages": [[]]}})
def test_any_yaml_is_a_config_or_faults_with_lines(value: object) -> None:
    try:
        config, faults = read(yaml.safe_dump(value, allow_unicode=True))
    except WorkbenchError as error:
        assert error.where.startswith("cog.yaml")
        return
    assert all(where.partition(":")[2].isdigit() and message for where, message in faults)
    # What was read is valid, whatever else there was.
    assert read(yaml.safe_dump(config.as_data()))[1] == []


@settings(deadline=None)
@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
@example("&a [*a, *b]")
@example("? {a: b}\n: c")
@example("%YAML 9.9\n---\na")
@example("!!binary x: y")
@example("a: 0b_\nb: 1:99")
def test_any_text_is_a_config_or_a_named_error(text: str) -> None:
    try:
        read(text)
    except WorkbenchError as error:
        assert error.message and error.where.startswith("cog.yaml")


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*WHOLE.splitlines(keepends=True), "  - x\n", "\t", "{", "]", "- ", "'", ": &a "]), max_size=25
    )
)
def test_a_cog_yaml_in_pieces_is_a_config_or_a_named_error(pieces: list[str]) -> None:
    try:
        read("".join(pieces))
    except WorkbenchError as error:
        assert error.message and error.where.startswith("cog.yaml")
