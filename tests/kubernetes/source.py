"""The source of Kubernetes, as Debian has it, laid out as its compiler needs it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# The vendored release of reflect2, 1.0.1, reads memory that is not there when Go 1.18 or a later one compiles it.
REFLECT = Path("/usr/share/gocode/src/github.com/modern-go/reflect2")


class NoSourceError(Exception):
    """The package index of this machine has no such source package."""


@dataclass(frozen=True)
class Source:
    """Which source package of Debian, the digest of its archive, and the release of Kubernetes that it is."""

    package: str
    version: str
    archive: str
    sha256: str
    release: str


def the_source() -> Source:
    """Return what `source.toml` names."""
    return Source(**tomllib.loads((HERE / "source.toml").read_text()))


def fetch(source: Source, folder: Path) -> Path:
    """Return the archive of the source, fetched into `folder` by apt from this machine's own mirror.

    Raises NoSourceError, with apt's words, where there is none. What apt is configured to do stays as it is.
    """
    for name in ("parts", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "parts/source.sources").write_text(_source_entries())
    command = ["apt-get", "-q", "-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={folder}/parts"]
    command += ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    # It would be another user's without: who may not write here.
    command += ["-o", "APT::Sandbox::User=root"]
    wanted = ["source", "--download-only", "--tar-only", f"{source.package}={source.version}"]
    for words in (["update"], wanted):
        done = subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoSourceError(f"apt has no source of {source.package} {source.version}: {done.stderr[-1000:]}")
    archive = folder / source.archive
    if hashlib.sha256(archive.read_bytes()).hexdigest() != source.sha256:
        raise AssertionError(f"{archive.name} is not the one of {source.package} {source.version}")
    return archive


def unpack(archive: Path, gopath: Path) -> Path:
    """Unpack the archive below `gopath`, and return the folder that Go finds as k8s.io/kubernetes."""
    root = gopath / "src/k8s.io/kubernetes"
    root.parent.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        top = tar.next()
        assert top is not None
        tar.extractall(root.parent, filter="tar")
    (root.parent / Path(top.name).parts[0]).rename(root)
    vendored = root / "vendor/github.com/modern-go/reflect2"
    shutil.rmtree(vendored)
    shutil.copytree(REFLECT, vendored)
    (vendored / "unsafe_link_gccgo.go").unlink()  # for the other compiler, and it says so to neither
    return root


def _source_entries() -> str:
    """Return this release of Debian's entries of sources.list(5) for the archive, changed to those of its sources."""
    found = []
    for file in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for stanza in file.read_text().split("\n\n"):
            lines = [line for line in stanza.splitlines() if not line.startswith("#")]
            fields = {key.lower(): value.split() for key, _, value in (line.partition(":") for line in lines)}
            if _codename() in fields.get("suites", ()) and "main" in fields.get("components", ()):
                kept = [line for line in lines if not line.lower().startswith("types:")]
                found.append("\n".join(["Types: deb-src", *kept]))
    for file in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.list"))]:
        for line in file.read_text().splitlines() if file.exists() else ():
            words = line.split("]")[-1].split() if "[" in line else line.split()[1:]
            if line.startswith("deb ") and words[1:2] == [_codename()] and "main" in words:
                found.append(f"Types: deb-src\nURIs: {words[0]}\nSuites: {words[1]}\nComponents: main")
    return "\n\n".join(found) + "\n"


def _codename() -> str:
    lines = Path("/etc/os-release").read_text().splitlines() if os.path.exists("/etc/os-release") else []
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME=")), "")
