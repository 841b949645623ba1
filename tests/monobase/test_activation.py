from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.monobase import trees
from tests.monobase.shells import SHELLS, source
from workbench.errors import WorkbenchError
from workbench.monobase.activation import activate

CU12 = ["nvidia/cublas/lib/", "nvidia/cuda_nvcc/bin/", "nvidia/cuda_runtime/lib/", "nvidia/cudnn/lib/"]
CU12 += ["nvidia_cuda_runtime_cu12-12.8.90.dist-info/", "nvidia_cudnn_cu12-9.10.2.21.dist-info/", "setup.pth"]
CU13 = ["nvidia/cu13/lib/", "nvidia/cudnn/lib/", "nvidia/nccl/include/", "nvidia_cuda_runtime-13.0.96.dist-info/"]
CU13 += ["nvidia_cudnn_cu13-9.24.0.43.dist-info/"]
TORCHES = {
    "python3.11-torch2.10.0-cu128": CU12,
    "python3.11-torch2.10.0-cpu": [],
    "python3.11-torch2.14.1-cu130": CU13,
    "python3.12-torch2.14.1-cu130": CU13,
    "python3.12-plain": ["numpy/"],
    "python3.12-gpu": CU13,
}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations, of which the second is the latest and a third is half done; two cogs; a user's layer."""
    prefix = tmp_path_factory.mktemp("mono base")
    trees.generation(prefix, "g00001", {"python3.12-plain": []})
    trees.generation(prefix, "g00002", TORCHES)
    trees.layer(prefix / "monobase/g00002/python3.11-broken", "3.11", done=False)
    trees.generation(prefix, "g00003", {"python3.12-plain": []}, done=False)
    trees.latest(prefix, "g00002")
    root = trees.cogs(prefix, "g0a1b2c3d", ["0.11.3", "0.23.1"], ["3.11", "3.12"], "0.23.1")
    for name in TORCHES:
        for cog in root.glob(f"cog*-{name.partition('-')[0]}"):
            trees.conflicts(cog, "g00002", name)
    clash = "cog 0.11.3 needs pydantic<2, and python3.12-plain has pydantic 2.12.5"
    trees.conflicts(root / "cog0.11.3-python3.12", "g00002", "python3.12-plain", [clash, "and another"])
    (prefix / "bin/site").mkdir(parents=True)
    user = trees.layer(prefix / "user", "3.12", ["user.pth"])
    (user / ".monobase").write_text(
        "python 3.12\nenvironment g00002/python3.12-plain\ncog g0a1b2c3d/cog0.23.1-python3.12\n"
    )
    return prefix


def both(prefix: Path, variables: Mapping[str, str]) -> dict[str, str] | tuple[str, str]:
    """Activate with Python and with every shell, see that they agree, and return what is set, or the complaint."""
    given = {"MONOBASE_PREFIX": str(prefix), "PATH": "/usr/bin:/bin", **variables}
    expected: dict[str, str] | tuple[str, str]
    try:
        made = activate(str(prefix), given)
        expected = {name: text for name, text in {**given, **made.variables}.items() if name not in made.unset}
    except WorkbenchError as error:
        expected = (error.message, error.hint)
    for shell in SHELLS:
        code, found, stderr = source(shell, given)
        if isinstance(expected, dict):
            assert (code, found) == (0, expected), stderr
        else:
            assert (code, stderr) == (1, f"error: {expected[0]}\n  hint: {expected[1]}\n")
    return expected


def test_every_layer_is_on_every_path_in_the_order_in_which_it_wins(prefix: Path) -> None:
    found = both(
        prefix,
        {"R8_PYTHON_VERSION": "3.11", "R8_TORCH_VERSION": "2.10.0", "R8_CUDA_VERSION": "12.8", "R8_CUDNN_VERSION": "9"},
    )
    cog, torch = (
        f"{prefix}/cog/g0a1b2c3d/cog0.23.1-python3.11",
        f"{prefix}/monobase/g00002/python3.11-torch2.10.0-cu128",
    )
    site = f"{torch}/lib/python3.11/site-packages"
    ours = {
        "CUDA_HOME": f"{site}/nvidia/cuda_nvcc",
        "LD_LIBRARY_PATH": ":".join(f"{site}/nvidia/{name}/lib" for name in ("cublas", "cuda_runtime", "cudnn")),
        "PATH": f"{cog}/bin:{torch}/bin",
        "PYTHONPATH": f"{cog}/lib/python3.11/site-packages:{site}:{prefix}/bin/site",
    }
    assert found == {
        **{f"MONOBASE_ACTIVE_{name}": text for name, text in ours.items()},
        **ours,
        "MONOBASE_COG": "g0a1b2c3d/cog0.23.1-python3.11",
        "MONOBASE_ENVIRONMENT": "python3.11-torch2.10.0-cu128",
        "MONOBASE_GENERATION": "g00002",
        "MONOBASE_LAYERS": f"{cog}/lib/python3.11/site-packages:{site}",
        "MONOBASE_PREFIX": str(prefix),
        "PATH": f"{ours['PATH']}:/usr/bin:/bin",
        "PYTHONUNBUFFERED": "1",
        "R8_CUDA_VERSION": "12.8",
        "R8_CUDNN_VERSION": "9",
        "R8_PYTHON_VERSION": "3.11",
        "R8_TORCH_VERSION": "2.10.0",
    }


def test_the_user_layer_comes_last(prefix: Path) -> None:
    variables = {"PYTHON_VERSION": "3.12.1", "MONOBASE_STACK": "plain", "MONOBASE_USER": f"{prefix}/user"}
    found = both(prefix, variables)
    assert isinstance(found, dict)
    roots = [f"{prefix}/cog/g0a1b2c3d/cog0.23.1-python3.12", f"{prefix}/monobase/g00002/python3.12-plain"]
    roots.append(f"{prefix}/user")
    assert found["PATH"] == ":".join(f"{root}/bin" for root in roots) + ":/usr/bin:/bin"
    sites = [f"{root}/lib/python3.12/site-packages" for root in roots]
    assert found["PYTHONPATH"] == ":".join([*sites, f"{prefix}/bin/site"])


AVAILABLE_311 = "available: python3.11-torch2.10.0-cpu, python3.11-torch2.10.0-cu128"
ALL_311 = f"{AVAILABLE_311}, python3.11-torch2.14.1-cu130"
P311, P312 = {"R8_PYTHON_VERSION": "3.11"}, {"R8_PYTHON_VERSION": "3.12"}
CUDA_HINT = "set R8_TORCH_VERSION or MONOBASE_STACK; available:"


@pytest.mark.parametrize(
    ("variables", "message", "hint"),
    [
        ({}, "R8_PYTHON_VERSION is not set", "write it as 3.12"),
        ({"R8_PYTHON_VERSION": "3"}, "R8_PYTHON_VERSION=3 is not valid", "write it as 3.12"),
        ({"R8_PYTHON_VERSION": "3.08"}, "R8_PYTHON_VERSION=3.08 is not valid", "write it as 3.12"),
        ({"PYTHON_VERSION": "../x"}, "R8_PYTHON_VERSION=../x is not valid", "write it as 3.12"),
        (
            {**P312, "MONOBASE_GEN_ID": "08"},
            "MONOBASE_GEN_ID=08 is not valid",
            "write a number without leading zeros, such as 2",
        ),
        ({**P312, "MONOBASE_GEN_ID": "3"}, "generation g00003 is not ready here", "available: g00001, g00002"),
        (
            {**P312, "MONOBASE_STACK": "../../etc"},
            "MONOBASE_STACK=../../etc is not valid",
            "write lowercase letters and digits",
        ),
        (
            {**P311, "R8_TORCH_VERSION": "2.10.0", "R8_CUDA_VERSION": "13.0"},
            "g00002 has no environment python3.11-torch2.10.0-cu130",
            AVAILABLE_311,
        ),
        (
            {**P312, "R8_TORCH_VERSION": "2.10.0"},
            "g00002 has no environment python3.12-torch2.10.0-cpu",
            AVAILABLE_311,
        ),
        ({**P311, "R8_TORCH_VERSION": "2.9.9"}, "g00002 has no environment python3.11-torch2.9.9-cpu", ALL_311),
        ({**P311, "MONOBASE_STACK": "gpu"}, "g00002 has no environment python3.11-gpu", "available: python3.12-gpu"),
        ({**P311, "MONOBASE_STACK": "broken"}, "g00002 has no environment python3.11-broken", ALL_311),
        (
            {**P312, "MONOBASE_STACK": "gpu", "R8_CUDA_VERSION": "12.8"},
            "python3.12-gpu brings CUDA 13.0, not 12.8",
            "available: python3.12-gpu",
        ),
        (
            {**P311, "R8_TORCH_VERSION": "2.14.1", "R8_CUDNN_VERSION": "8"},
            "python3.11-torch2.14.1-cu130 brings cuDNN 9, not 8",
            "available: python3.11-torch2.14.1-cu130",
        ),
        (
            {**P311, "R8_CUDA_VERSION": "12.8"},
            "CUDA or cuDNN is requested without an environment",
            f"{CUDA_HINT} {', '.join(sorted(TORCHES))}",
        ),
        (
            {**P312, "R8_COG_VERSION": "0.9.0"},
            "cog 0.9.0 is not installed for Python 3.12",
            "`monobase cog --version 0.9.0 --python 3.12` installs it beside the prefix; available: "
            "cog0.11.3-python3.11, cog0.11.3-python3.12, cog0.23.1-python3.11, cog0.23.1-python3.12",
        ),
        (
            {**P312, "R8_COG_VERSION": "0.11.3", "MONOBASE_STACK": "plain"},
            "layers contradict each other: cog 0.11.3 needs pydantic<2, and python3.12-plain has pydantic 2.12.5; "
            "and another",
            "change one of them, or set MONOBASE_ALLOW_CONFLICTS=1 to let the first win",
        ),
        (
            {**P312, "MONOBASE_GEN_ID": "1", "MONOBASE_STACK": "plain"},
            "layers contradict each other: cog0.23.1-python3.12 and g00001/python3.12-plain were never "
            "compared: run `monobase build`",
            "change one of them, or set MONOBASE_ALLOW_CONFLICTS=1 to let the first win",
        ),
    ],
)
def test_what_cannot_be_activated_is_reported_at_once(
    prefix: Path, variables: dict[str, str], message: str, hint: str
) -> None:
    assert both(prefix, variables) == (message, hint)


def test_conflicts_may_be_allowed(prefix: Path) -> None:
    variables = {**P312, "R8_COG_VERSION": "0.11.3", "MONOBASE_STACK": "plain", "MONOBASE_ALLOW_CONFLICTS": "1"}
    found = both(prefix, variables)
    assert isinstance(found, dict)
    assert found["MONOBASE_COG"] == "g0a1b2c3d/cog0.11.3-python3.12"


VALUES = {
    "MONOBASE_GEN_ID": ["", "1", "2", "3", "08", "2x", "99999", "100000"],
    "R8_COG_VERSION": [
        "",
        "0.11.3",
        "0.23.1",
        "0.9.0rc1",
        "../x",
        "https://h/a.whl",
        "https://h/a b",
        "http://h/a",
        "file:///a.whl",
        "coglet",
        "coglet==0.1.0",
    ],
    "R8_CUDA_VERSION": ["", "cpu", "12.8", "12.8.1", "13.0", "13", "12.08"],
    "CUDA_VERSION": ["", "13.0"],
    "R8_CUDNN_VERSION": ["", "9", "8", "9.10", "x"],
    "R8_PYTHON_VERSION": ["", "3.11", "3.12", "3.11.9", "3.9", "3"],
    "PYTHON_VERSION": ["3.11", "3.12"],
    "R8_TORCH_VERSION": ["", "2.10.0", "2.14.1", "2.14.1rc1", "2.14.1+cu130", "2.x", "2.14.1.post1", "2..1", "a1"],
    "MONOBASE_STACK": ["", "plain", "gpu", "none", "torch2", "Plain", "9a"],
    "MONOBASE_ALLOW_CONFLICTS": ["", "1", "yes"],
    "MONOBASE_USER": ["", "USER", "/nonexistent"],
    "HOME": ["", "/nonexistent"],
    "PYTHONPATH": ["", "/own", "/own:/other"],
    "LD_LIBRARY_PATH": ["", "/driver lib"],
    "CUDA_HOME": ["", "/usr/local/cuda"],
}


GOOD = {
    "R8_PYTHON_VERSION": ["3.11", "3.12"],
    "MONOBASE_GEN_ID": ["", "2"],
    "R8_COG_VERSION": ["", "0.11.3", "0.23.1"],
}
ANYTHING = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})
MOSTLY_GOOD = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, values in GOOD.items()},
    optional={name: st.sampled_from(values) for name, values in VALUES.items() if name not in GOOD},
)


@given(st.one_of(ANYTHING, MOSTLY_GOOD, MOSTLY_GOOD))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shell_and_python_have_the_same_rules(prefix: Path, variables: dict[str, str]) -> None:
    """Whatever is requested: the same variables in the end, or the same error."""
    user = {"MONOBASE_USER": f"{prefix}/user"} if variables.get("MONOBASE_USER") == "USER" else {}
    both(prefix, {**variables, **user})


PIECES = ["0", "1", "2", "08", "9", "10", ".", "..", "a", "b", "rc", ".post", ".dev", "/", "-", "*", " ", "'", "$(id)"]
PIECES += ["https://", "file:///", "coglet", "==", "h", "?", "#", "\\", "\n", "é", "~", "torch", "cpu", "["]
NAMES = [
    "MONOBASE_GEN_ID",
    "R8_COG_VERSION",
    "R8_CUDA_VERSION",
    "R8_CUDNN_VERSION",
    "R8_TORCH_VERSION",
    "MONOBASE_STACK",
]


@given(
    st.sampled_from([*NAMES, "R8_PYTHON_VERSION"]),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shell_and_python_take_the_same_values(prefix: Path, name: str, text: str) -> None:
    """Whatever a variable holds, nothing of it is run, and both report the same."""
    both(prefix, {**P312, name: text})


@pytest.mark.parametrize("shell", SHELLS)
def test_sourcing_twice_is_sourcing_once(prefix: Path, shell: str) -> None:
    variables = {"MONOBASE_PREFIX": str(prefix), "PATH": "/usr/bin:/bin", "PYTHONPATH": "/own", **P312}
    variables["MONOBASE_STACK"] = "gpu"
    once = source(shell, variables)
    assert once[0] == 0, once[2]
    assert source(shell, variables, times=3) == once
    again = activate(str(prefix), once[1])
    assert {**once[1], **again.variables} == once[1]


@pytest.mark.parametrize("shell", SHELLS)
def test_another_activation_takes_the_first_one_away(prefix: Path, shell: str) -> None:
    start = {"MONOBASE_PREFIX": str(prefix), "PATH": "/usr/bin:/bin", **P311}
    first = source(shell, {**start, "R8_TORCH_VERSION": "2.10.0", "R8_CUDA_VERSION": "12.8"})[1]
    first["PATH"] = f"/mine:{first['PATH']}"
    second = {**first, "R8_TORCH_VERSION": "2.10.0", "R8_CUDA_VERSION": "cpu"}
    code, found, stderr = source(shell, second)
    assert code == 0, stderr
    cog, torch = f"{prefix}/cog/g0a1b2c3d/cog0.23.1-python3.11", f"{prefix}/monobase/g00002/python3.11-torch2.10.0-cpu"
    assert found["PATH"] == f"{cog}/bin:{torch}/bin:/mine:/usr/bin:/bin"
    assert not {"CUDA_HOME", "LD_LIBRARY_PATH", "MONOBASE_ACTIVE_CUDA_HOME"} & found.keys()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("options", ["set -eu", "set -f", "IFS=0:", "LC_ALL=C.UTF-8; export LC_ALL", "LC_ALL=; :"])
def test_it_minds_no_option_of_the_shell_and_leaves_them_as_they_were(
    prefix: Path, tmp_path: Path, shell: str, options: str
) -> None:
    state = '"$-|$IFS|${LC_ALL-none}|$(alias)"'
    lines = f'{options}\nbefore={state}\n. "$1"\n[ "$before" = {state} ] && echo "$PATH"\n'
    done = run_lines(tmp_path, shell, prefix, lines)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run_lines(tmp_path, shell, prefix, '. "$1"; echo "$PATH"').stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("python", ["3.12", "nonsense"])
def test_no_name_of_its_own_is_left_in_the_shell(prefix: Path, tmp_path: Path, shell: str, python: str) -> None:
    done = run_lines(tmp_path, shell, prefix, f'R8_PYTHON_VERSION={python}; . "$1" || :; set')
    assert ("python3.12-gpu" in done.stdout) == (python == "3.12"), done.stderr
    assert "_mb_" not in done.stdout


def run_lines(folder: Path, shell: str, prefix: Path, lines: str) -> subprocess.CompletedProcess[str]:
    """Run a script of these lines, given activate.sh as $1."""
    script = folder / "script"
    script.write_text(lines)
    variables = {"MONOBASE_PREFIX": str(prefix), "PATH": "/usr/bin:/bin", **P312, "MONOBASE_STACK": "gpu"}
    program = shutil.which(shell)
    assert program is not None
    command = [program, str(script), str(trees.ACTIVATE)]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def test_a_dangling_latest_is_no_generation(tmp_path: Path) -> None:
    trees.generation(tmp_path, "g00001", {"python3.12-plain": []})
    trees.latest(tmp_path, "g00009")
    assert both(tmp_path, {**P312, "MONOBASE_STACK": "plain"}) == (
        "no generation is ready here",
        "run `monobase build`, or wait for it",
    )
    trees.latest(tmp_path, "g00001")
    assert isinstance(both(tmp_path, {**P312, "MONOBASE_STACK": "plain"}), dict)


def test_a_prefix_may_be_a_link_and_hold_spaces(tmp_path: Path, prefix: Path) -> None:
    (tmp_path / "a link").symlink_to(prefix)
    found = both(tmp_path / "a link", {**P312, "MONOBASE_STACK": "gpu"})
    assert isinstance(found, dict)
    assert f"{tmp_path}/a link/monobase/g00002/python3.12-gpu/bin" in found["PATH"]


@pytest.mark.parametrize("wrong", ["relative", "/a:b"])
def test_a_prefix_that_is_not_valid(wrong: str) -> None:
    with pytest.raises(WorkbenchError, match="is not valid"):
        activate(wrong, P312)
    for shell in SHELLS:
        code, _, stderr = source(shell, {"MONOBASE_PREFIX": wrong, **P312})
        assert (code, stderr) == (
            1,
            f"error: MONOBASE_PREFIX={wrong} is not valid\n  hint: write an absolute path without a colon\n",
        )
