"""What our own bundles promise, read from the catalogue alone; tests/e2e/test_bundles.py builds some of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Catalogue
from workbench.compose.diagnosis import GpuMachine, diagnose
from workbench.compose.possible import compose_checked
from workbench.compose.recipe import Recipe
from workbench.lock.folders import folders_to_lock
from workbench.names import lists_of_folder
from workbench.packages import pins

PLACES = [("c9s", "3.12"), ("bookworm", "3.11"), ("trixie", "3.13")]
# What does not go on the Python of a system, and says that it has no packages for it.
LEFT_OUT = {"c9s": {"optapy"}, "bookworm": set[str](), "trixie": {"optapy", "trustyai"}}


@pytest.fixture(scope="module")
def ours() -> Catalogue:
    return read_catalogue(str(REPOSITORY))


def composed(
    ours: Catalogue, bundle: str, os: str, python: str, base: str = "standard", ide: str = "jupyter"
) -> Recipe:
    return compose_checked(ours, Selection("2026a", "20261122", base, os, python, bundle, ide))


def offered(ours: Catalogue, os: str) -> set[str]:
    """The bundles that a system has: all of them, but for those of LEFT_OUT."""
    return set(ours.bundles) - LEFT_OUT[os]


def test_every_bundle_but_langflow_goes_with_jupyter_on_every_system(ours: Catalogue) -> None:
    for os, python in PLACES:
        for bundle in offered(ours, os) - {"langflow"}:
            # With jupyterhub-singleuser, which JupyterHub starts.
            assert b"\njupyterhub==" in composed(ours, bundle, os, python).files["requirements-jupyter.txt"].data


@pytest.mark.parametrize(("os", "python"), PLACES)
def test_langflow_goes_with_langflow_and_with_nothing_else(ours: Catalogue, os: str, python: str) -> None:
    recipe = composed(ours, "langflow", os, python, ide="langflow")
    assert b"\nlangflow==1.13." in recipe.files["requirements.txt"].data
    chosen = {"release": "2026a", "os": os, "python": python}
    for ide in set(ours.ides) - {"langflow"}:
        assert "bundle langflow goes with langflow only" in reasons(ours, {**chosen, "bundle": "langflow", "ide": ide})
    for bundle in offered(ours, os) - {"langflow"}:
        assert list(reasons(ours, {**chosen, "bundle": bundle, "ide": "langflow"})) == [
            "IDE langflow goes with bundle langflow only"
        ]


def test_no_pipfile_repeats_a_line_of_those_it_builds_on() -> None:
    for folder, above in folders_to_lock(str(REPOSITORY), None, None).items():
        own = tomllib.loads((REPOSITORY / folder / "Pipfile").read_text())
        # An IDE's Pipfile is no bundle's: its [packages] are a category of their own.
        for parent in (each for each in above if each.startswith("bundles/")):
            data = tomllib.loads((REPOSITORY / parent / "Pipfile").read_text())
            # What its own index is, it takes from below; it may name a further one.
            assert "${PIP_INDEX_URL}" not in [source["url"] for source in own.get("source", ())], folder
            for category, packages in data.items():
                repeated = set(packages) & set(own.get(category, {})) if category != "source" else set()
                assert not [name for name in repeated if packages[name] == own[category][name]], folder


def test_a_bundle_has_every_package_of_those_it_builds_on(ours: Catalogue) -> None:
    for bundle in ours.bundles.values():
        for python in bundle.pythons:
            names = _names(ours, bundle.folder, python)
            for parent in bundle.above:
                plain = python.partition("-")[0]
                pipfile = tomllib.loads(ours.tree.text(f"{ours.bundles[parent].folder}/{plain}/Pipfile"))
                assert {name.lower() for name in pipfile["packages"]} <= names, f"{bundle.folder}/{python}"


@pytest.mark.parametrize(("os", "python"), PLACES)
def test_a_bundle_without_packages_for_a_python_says_so(ours: Catalogue, os: str, python: str) -> None:
    folder = f"py{python.replace('.', '')}"
    for bundle in ours.bundles:
        where = {"release": "2026a", "base": "standard", "os": os, "python": python, "bundle": bundle}
        missing = [f"bundle {bundle} has no packages for Python {python} (no folder {folder})"]
        assert list(reasons(ours, where)) == (missing if bundle in LEFT_OUT[os] else [])


@pytest.mark.parametrize(
    ("os", "wanted"), [("bookworm", "openjdk-17-jre-headless"), ("trixie", "openjdk-21-jre-headless")]
)
def test_java_is_the_one_that_each_debian_has(ours: Catalogue, os: str, wanted: str) -> None:
    for bundle in ("spark", "optapy", "trustyai"):
        lists = ours.bundles[bundle].os_packages
        path = next(lists[kind] for kind in ours.variants(os) if kind in lists)
        assert ours.tree.text(path).split() == [wanted]


@pytest.mark.parametrize(("os", "python"), PLACES)
def test_on_the_base_cpu_tensorflow_is_the_build_without_cuda(ours: Catalogue, os: str, python: str) -> None:
    for ide in ("jupyter", "runtime"):
        recipe = composed(ours, "tensorflow", os, python, base="cpu", ide=ide)
        pinned = dict(pins(recipe.files["requirements.txt"].data.decode()))
        assert pinned["tensorflow-cpu"].startswith("2.21.")
        assert not [name for name in pinned if name == "tensorflow" or name.startswith("nvidia-")]
        assert str(recipe.tag).startswith(f"cpu-{ide}-tensorflow-{os}-")


def test_lists_for_certain_bases_have_the_versions_of_the_plain_ones() -> None:
    """Two builds of one version: what a Pipfile in py311-cpu repeats, and moves with that in py311."""
    folders = [folder for folder in folders_to_lock(str(REPOSITORY), None, None) if lists_of_folder(Path(folder).name)]
    assert folders
    for folder in folders:
        lists = lists_of_folder(Path(folder).name)
        plain = folder.removesuffix(f"-{lists}")
        wanted, other = (tomllib.loads((REPOSITORY / each / "Pipfile").read_text()) for each in (plain, folder))
        for name, line in other["packages"].items():
            version = line["version"] if isinstance(line, dict) else line
            same = wanted["packages"].get(name.removesuffix(f"-{lists}"))
            assert version in (same, "*"), f"{folder}: {name}"


@pytest.mark.parametrize(("base", "variable"), [("cpu", "PYTORCH_CPU_INDEX_URL"), ("rocm", "ROCM_INDEX_URL")])
def test_who_has_no_lists_for_a_base_learns_which_variable_to_set(ours: Catalogue, base: str, variable: str) -> None:
    chosen = {"release": "2026a", "base": base, "os": "bookworm", "python": "3.11", "bundle": "pytorch"}
    (why,) = reasons(ours, chosen)
    assert f"py311-{base} has no requirements.txt: set {variable}, and run " in why


def test_the_torch_of_llm_is_for_the_cuda_of_the_release(ours: Catalogue) -> None:
    """LLM Compressor holds it at an older z than the bundle pytorch has: the CUDA that it brings is the same."""
    for python in ours.bundles["llm"].pythons:
        own, theirs = (
            dict(pins(ours.tree.text(f"{ours.bundles[name].folder}/{python}/requirements.txt")))
            for name in ("llm", "pytorch")
        )
        assert own["torch"].startswith("2.14.")
        cuda = {name: version for name, version in own.items() if name.startswith("nvidia-cu")}
        assert cuda and cuda == {name: theirs[name] for name in cuda}
    assert diagnose(ours, "2026a", "llm", "3.12", GpuMachine(driver="580.65.06"))[0].state != "wrong"


def test_tensorflow_goes_on_no_cuda_base(ours: Catalogue) -> None:
    assert list(reasons(ours, {"release": "2026a", "base": "cuda", "bundle": "tensorflow"})) == [
        "bundle tensorflow does not go on a CUDA base: TensorFlow has no build for CUDA 13"
    ]


@pytest.mark.parametrize(("os", "python"), PLACES)
def test_r_brings_its_kernel_to_jupyter(ours: Catalogue, os: str, python: str) -> None:
    recipe = composed(ours, "r", os, python)
    assert b"r-cran-irkernel\n" in recipe.files["os-packages.txt"].data or "/jupyter/kernels/ir" in recipe.containerfile
    assert "COPY r/Rprofile.site" in recipe.containerfile
    assert ours.bundles["r"].any_python


def test_what_the_system_lacks_of_r_is_of_one_day_of_cran(ours: Catalogue) -> None:
    text = composed(ours, "r", "c9s", "3.12").containerfile
    day = ours.releases["2026a"].tools["cran"]["rhel"]["version"]
    assert f'repos = "https://packagemanager.posit.co/cran/{day}")' in text
    # Without `repos` it would be whatever CRAN has when the image is built.
    assert text.count("install.packages(") == text.count("repos = ") == 1


@pytest.mark.parametrize(("os", "python"), PLACES)
def test_what_is_built_from_source_is_built_with_the_setuptools_of_the_list(
    ours: Catalogue, os: str, python: str
) -> None:
    recipe = composed(ours, "minimal", os, python)
    for name in ("requirements.txt", "requirements-jupyter.txt"):
        assert f"--build-constraints /tmp/{name} -r /tmp/{name}" in recipe.containerfile
        assert re.search(r"^setuptools==\S+.*--hash=sha256:", recipe.files[name].data.decode(), re.MULTILINE)
    # Elyra's client of Kubeflow has no wheel (package index, 2026-11-30).
    assert b"\nkfp-server-api==" in recipe.files["requirements-jupyter.txt"].data


@pytest.mark.parametrize(("os", "python"), PLACES)
def test_spark_keeps_what_a_cuda_base_sets_and_fetches_nothing(ours: Catalogue, os: str, python: str) -> None:
    recipe = composed(ours, "spark", os, python, base="cuda")
    assert "LD_LIBRARY_PATH=" not in recipe.containerfile
    assert "://" not in recipe.containerfile
    assert f"SPARK_HOME=/opt/app-root/lib/python{python}/site-packages/pyspark" in recipe.containerfile
    packages = recipe.files["os-packages.txt"].data.decode().split()
    assert (
        packages
        == {
            "bookworm": ["libpq5", "openjdk-17-jre-headless"],
            "trixie": ["libpq5", "openjdk-21-jre-headless"],
            "c9s": ["libpq", "java-17-openjdk-headless"],
        }[os]
    )


def _names(ours: Catalogue, folder: str, python: str) -> set[str]:
    lines = ours.tree.text(f"{folder}/{python}/requirements.txt").splitlines()
    return {line.partition("==")[0].partition("[")[0].lower() for line in lines}


# What words of the labels stand for: packages that must be in the lists, beginnings of versions with them.
CLAIMS = {
    "pandas": {"pandas": ""},
    "scikit-learn": {"scikit-learn": ""},
    "connectors": dict.fromkeys(
        ("boto3", "kafka-python", "mysql-connector-python", "psycopg", "pymongo", "pyodbc"), ""
    ),
    "MLflow": {"mlflow": ""},
    "Lightning": {"lightning": ""},
    "providers": dict.fromkeys(
        (f"langchain-{name}" for name in ("anthropic", "google-genai", "huggingface", "mistralai", "ollama", "openai")),
        "",
    ),
    "transformers": {"transformers": ""},
    "CUDA 13.0": {"nvidia-cuda-runtime": "13.0."},
    "PyTorch": {"torch": ""},
    "TensorFlow": {"tensorflow": ""},
    "LangChain": {"langchain": ""},
    "Langflow": {"langflow": ""},
    "OptaPy": {"optapy": ""},
    "Spark": {"pyspark": ""},
    "TRL": {"trl": ""},
    "PEFT": {"peft": ""},
    "LLM Compressor": {"llmcompressor": ""},
    "TrustyAI": {"trustyai": ""},
}
# No package is claimed: a word for people, and what the test below looks for elsewhere.
WORDS = {"Minimal", "Data science", "R", "IRkernel", "CPU", "ROCm", "LLM"}


def test_a_label_says_what_is_in_the_lists(ours: Catalogue) -> None:
    labels = [
        (bundle, lists)
        for bundle in ours.bundles.values()
        for lists in {"", *bundle.displays, *map(lists_of_folder, bundle.pythons)}
    ]
    for bundle, lists in labels:
        words = [word.strip() for word in re.split(r"[(),]", bundle.label(lists)) if word.strip()]
        words = [re.sub(r" [0-9][0-9a-z.]*$", "", word) if "CUDA" not in word else word for word in words]
        assert set(words) <= {*CLAIMS, *WORDS}, f"{bundle.label(lists)}: a word that this test knows nothing of"
        for python in (folder for folder in bundle.pythons if lists_of_folder(folder) == lists):
            found = dict(pins(ours.tree.text(f"{bundle.folder}/{python}/requirements.txt")))
            for package, version in (pair for word in words for pair in CLAIMS.get(word, {}).items()):
                # Lists for certain bases may have another build: tensorflow-cpu.
                build = f"{package}-{lists_of_folder(python)}"
                pinned = found.get(package, found.get(build, "-"))
                assert pinned.startswith(version), f"{bundle.folder}/{python}: {package}"
            # A build for the CPU brings no CUDA.
            assert "CPU" not in words or not [name for name in found if name.startswith("nvidia-")]


@pytest.mark.parametrize("os", ["bookworm", "trixie"])
def test_r_has_what_people_expect_of_it_on_debian(ours: Catalogue, os: str) -> None:
    packages = composed(ours, "r", os, dict(PLACES)[os]).files["os-packages.txt"].data.decode().split()
    assert {"r-cran-tidyverse", "r-cran-shiny", "r-cran-rmarkdown", "r-cran-irkernel"} <= set(packages)


# What people look for first, by jupyter/docker-stacks and opendatahub-io/notebooks (looked at 2026-11-29).
EXPECTED = {
    "datascience": {"seaborn", "statsmodels", "scikit-image", "numba", "h5py", "openpyxl", "mlflow"},
    "pytorch": {"torchaudio", "lightning", "accelerate", "onnxscript"},
    "langchain": {*CLAIMS["providers"], "sentence-transformers", "transformers"},
    "llm": {"accelerate", "datasets", "llmcompressor", "peft", "transformers", "trl"},
}


@pytest.mark.parametrize("bundle", EXPECTED)
def test_a_bundle_has_what_people_look_for(ours: Catalogue, bundle: str) -> None:
    chosen = ours.bundles[bundle]
    assert set(chosen.pythons) >= {"py311", "py312"}
    for python in chosen.pythons:
        assert _names(ours, chosen.folder, python) >= EXPECTED[bundle], f"{chosen.folder}/{python}"
