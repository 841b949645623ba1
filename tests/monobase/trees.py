"""Trees as builds leave them below a prefix, as far as activation looks at them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.monobase.generation import DATA
from workbench.monobase.layout import GenerationMarker, write_done

DIGEST = "sha256:0"
ACTIVATE = DATA / "activate.sh"


def layer(root: Path, python: str, files: Sequence[str] = (), *, done: bool = True) -> Path:
    """Make an environment with empty `files` in its site-packages; a name that ends in `/` is a folder."""
    site = root / f"lib/python{python}/site-packages"
    site.mkdir(parents=True, exist_ok=True)
    (root / "bin").mkdir(exist_ok=True)
    point(root / "bin/python", "/bin/sh")
    for name in files:
        path = site / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("")
    if done:
        (root / ".done").write_text(f'{{\n "digest": "{DIGEST}",\n')
    return root


def _finish(root: Path) -> None:
    """Write the manifest of a generation of all that is there."""
    names = sorted(path.parent.name for path in root.glob("*/.done"))
    write_done(str(root), GenerationMarker(DIGEST, dict.fromkeys(names, DIGEST), {}))


def generation(prefix: Path, name: str, environments: Mapping[str, Sequence[str]], *, done: bool = True) -> Path:
    """Make a generation; each environment by name with the files of its site-packages."""
    root = prefix / "monobase" / name
    root.mkdir(parents=True, exist_ok=True)
    for environment, files in environments.items():
        layer(root / environment, environment.partition("-")[0].removeprefix("python"), files)
    if done:
        _finish(root)
    return root


def latest(prefix: Path, name: str) -> None:
    point(prefix / "monobase/latest", name)


def cogs(prefix: Path, name: str, versions: Sequence[str], pythons: Sequence[str], default: str) -> Path:
    """Make a cog layer and let `latest` point at it."""
    root = prefix / "cog" / name
    for python in pythons:
        for version in versions:
            layer(root / f"cog{version}-python{python}", python, [f"cog-{version}.dist-info/"])
        point(root / f"default-python{python}", f"cog{default}-python{python}")
    _finish(root)
    point(prefix / "cog/latest", name)
    return root


def conflicts(cog: Path, generation: str, environment: str, lines: Sequence[str] = ()) -> None:
    """Say what a cog and an environment contradict each other in."""
    file = cog.parent.parent / "conflicts" / cog.parent.name / cog.name / f"{generation}.{environment}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))


def point(link: Path, target: str) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    os.symlink(target, link)
