"""The program that is the control plane, built from Debian's source package and kept by what it is built from."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.engine import search_path
from tests.kept import kept_file
from tests.kubernetes.source import HERE, REFLECT, Source, fetch, the_source, unpack
from tests.kubernetes.supervised import Supervisor, supervised

# Neither the clouds' own drivers nor Docker's: a third of the code.
_TAGS = "providerless,dockerless"
# What the API server serves the types of; it needs their descriptions, which Debian's source leaves to be generated.
_SERVED = ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator")
_GENERATED = "pkg/generated/openapi"


def missing() -> str:
    """What keeps it from being built here, "" for nothing."""
    tools = {"go": "golang-go", "apt-get": "apt"}
    lacking = [package for tool, package in tools.items() if shutil.which(tool, path=search_path()) is None]
    lacking += [] if REFLECT.is_dir() else ["golang-github-modern-go-reflect2-dev"]
    return f"{', '.join(lacking)} not installed" if lacking else ""


def control_plane() -> Path:
    """Return the program: an earlier run's, where source, compiler and the way it is built are the same.

    Raises NoSourceError where the source cannot be had.
    """
    return kept_file("kubernetes", _digest(the_source()), _build)


def _digest(source: Source) -> str:
    version = subprocess.run(["go", "version"], capture_output=True, check=True, env={"PATH": search_path()}).stdout
    digest = hashlib.sha256(f"{source}\0".encode() + version)
    for file in [HERE / name for name in ("source.py", "binaries.py", "control_plane.go")] + sorted(REFLECT.iterdir()):
        digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _build(program: Path) -> None:
    """Build it: three to four minutes of processor time, two gigabytes of disk while it lasts."""
    source = the_source()
    with supervised() as programs:
        root = unpack(fetch(source, programs.folder), programs.folder)
        (root / "cmd/control-plane").mkdir()
        shutil.copy(HERE / "control_plane.go", root / "cmd/control-plane/main.go")
        _describe_types(programs, source, root)
        words = [*_flags(source), "-o", str(program), "k8s.io/kubernetes/cmd/control-plane"]
        _run(programs, root, "go", "build", *words)


def _flags(source: Source) -> list[str]:
    major, minor, _ = source.release.removeprefix("v").split(".")
    said = {"gitVersion": source.release, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    where = [f"k8s.io/kubernetes/vendor/k8s.io/{name}/version" for name in ("component-base", "client-go/pkg")]
    names = [f"-X {package}.{name}={text}" for package in where for name, text in said.items()]
    # Nobody debugs it: the compiler leaves out what debuggers need. Nor is it used for long: without optimisation it is
    # compiled in two thirds of the time.
    return ["-tags", _TAGS, "-gcflags=all=-N -l -dwarf=false", "-ldflags", " ".join(["-s -w", *names])]


def _describe_types(programs: Supervisor, source: Source, root: Path) -> None:
    """Generate the descriptions of the types that the API server serves, and of no others."""
    staging = root / "staging/src/k8s.io"
    packages = {
        f"k8s.io/kubernetes/vendor/k8s.io/{file.parent.relative_to(staging)}"
        for name in _SERVED
        for file in (staging / name).rglob("*.go")
        if "+k8s:openapi-gen=" in file.read_text() and not {"testdata", "examples", "testapigroup"} & set(file.parts)
    }
    folder = programs.folder
    tool, header = folder / "openapi-gen", folder / "header"
    header.write_text("")
    # By the same flags, so that what both programs have of the library is compiled once.
    words = [*_flags(source), "-o", str(tool), "./vendor/k8s.io/kube-openapi/cmd/openapi-gen"]
    _run(programs, root, "go", "build", *words)
    words = ["-O", "zz_generated.openapi", "-h", str(header), "-r", str(folder / "violations")]
    words += ["-p", f"k8s.io/kubernetes/{_GENERATED}", "-i", ",".join(sorted(packages))]
    _run(programs, root, str(tool), *words)


def _run(programs: Supervisor, root: Path, *command: str) -> None:
    # Tests beside it wait for pages of a browser meanwhile: the compiler takes what they leave.
    programs.run("build", "nice", "-n", "15", *command, folder=root, env=_environment(programs.folder))


def _environment(folder: Path) -> dict[str, str]:
    """Return what makes Go build what lies below `folder`, and fetch nothing."""
    # Its go.mod is too old for -mod=vendor of today's compilers: without modules, as its own Makefile has it.
    own = {
        "GO111MODULE": "off",
        "GOPATH": str(folder),
        "GOCACHE": f"{folder}/cache-go",
        "GOPROXY": "off",
        "GOFLAGS": "",
    }
    # The compiler collects its garbage less often: a sixth of its time, for some hundred megabytes.
    return {"PATH": search_path(), "CGO_ENABLED": "0", "GOTMPDIR": str(folder), "GOGC": "400", **own}
