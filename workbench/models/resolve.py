"""From a folder with a cog.yaml to what it needs: all its faults, or everything resolved."""

from __future__ import annotations

import os
from dataclasses import dataclass

from workbench.catalog.compatibility import PATH, CompatibilityTable
from workbench.catalog.faults import Faults
from workbench.errors import FaultsError, WorkbenchError
from workbench.models import code
from workbench.models.config import FILE, Config
from workbench.models.load import read_config
from workbench.models.lock import ModelLock, direct, lock_of
from workbench.models.model import Resolved
from workbench.models.pairing import Pairing, pair, short
from workbench.models.requirements import asked


@dataclass(frozen=True, slots=True)
class Read:
    """A cog.yaml without faults, the Python it gets ("3.11"), the requirements it asks for and what goes with them."""

    folder: str
    config: Config
    python: str
    asked: tuple[str, ...]
    pairing: Pairing
    notes: tuple[str, ...]


def read(folder: str, pairs: CompatibilityTable, usual_python: str) -> Read:
    """Return what the model in `folder` asks for; nothing is fetched for it.

    Raises FaultsError with every fault of cog.yaml, of the files it names and of the versions that it
    puts together.
    """
    if not pairs.cog:
        raise WorkbenchError(
            "there is no [cog]: which server models get", where=PATH, hint="see DEVELOPMENT.md, Models"
        )
    faults = Faults()
    path = os.path.join(folder, FILE)
    config = read_config(folder, faults)
    written = config.build.python_version or usual_python
    python = short(written)
    requirements = asked(folder, config, faults)
    if not config.predict and not any(key in config.lines for key in ("predict", "run")):
        faults.add(path, "predict is missing: it says what makes a prediction, such as predict.py:Predictor")
    for key, reference in (("predict", config.predict), ("train", config.train)):
        if reference:
            try:
                found = code.definition(folder, reference)
                if found is not None and key == "predict" and code.method(found) is None:
                    where = f"{os.path.join(folder, reference.partition(':')[0])}:{found.lineno}"
                    faults.add(where, f"{found.name} has no predict and no run")
            except WorkbenchError as error:
                place = f"{path}:{config.line(key)}"
                faults.add(place, f"{key}: {error.where}: {error.message}")
    if python not in pairs.cog_pythons:
        says = f"cog {pairs.cog} is for Python {', '.join(pairs.cog_pythons)}, and not {python}"
        faults.add(f"{path}:{config.line('build.python_version')}", says)
    pairing = Pairing(())
    try:
        pairing = pair(requirements, python, config.build.gpu, config.build.cuda, config.build.cudnn, pairs)
    except WorkbenchError as error:
        keys = ("build.cuda", "build.cudnn", "build.python_packages", "build.python_requirements")
        key = next((key for key in keys if key in config.lines), "build")
        faults.add(f"{path}:{config.line(key)}", f"{error.message} ({error.hint})" if error.hint else error.message)
    raise_all(folder, faults)
    return Read(folder, config, python, requirements, pairing, tuple(_notes(config, written, python, pairing)))


def raise_all(folder: str, faults: Faults) -> None:
    """Raise FaultsError with what was found, if anything was."""
    if faults.found:
        count = len(faults.found)
        # By file, and by line within it.
        found = sorted(set(faults.found), key=lambda fault: (fault[0].rpartition(":")[0], _line(fault[0]), fault[1]))
        said = f"{folder} has {count} fault{'' if count == 1 else 's'}"
        raise FaultsError(said, found, hint=f"mend them and run `wizard.py model check {folder}`")


def requirements_of(read: Read, pairs: CompatibilityTable) -> tuple[str, ...]:
    """Return what is locked for the model: its own requirements and the cog server."""
    if "cog" in direct(read.pairing.requirements):
        return read.pairing.requirements
    return (*read.pairing.requirements, f"cog=={pairs.cog}")


def lock_model(read: Read, pairs: CompatibilityTable, *, locked: bool = False) -> ModelLock:
    """Return the lock of what was read; raises WorkbenchError like `lock_of`."""
    return lock_of(read.folder, requirements_of(read, pairs), read.pairing.constraints, read.python, locked=locked)


def resolved(read: Read, lock: ModelLock, pairs: CompatibilityTable) -> Resolved:
    """Return what the model gets. Raises WorkbenchError when the lock's CUDA is not the one that is asked for."""
    versions = lock.versions
    cuda = next((versions[name] for name in pairs.cuda_wheels if name in versions), "")
    cudnn = next((versions[name] for name in pairs.cudnn_wheels if name in versions), "")
    build = read.config.build
    for what, wanted, got in (("CUDA", build.cuda, cuda), ("cuDNN", build.cudnn, cudnn)):
        parts = wanted.split(".")[:2]
        if build.gpu and wanted and got and got.split(".")[: len(parts)] != parts:
            raise WorkbenchError(
                f"the packages bring {what} {got}, and cog.yaml asks for {wanted}",
                where=f"{os.path.join(read.folder, FILE)}:{read.config.line(f'build.{what.lower()}')}",
                hint="leave it out, or take a framework that brings it: `wizard.py doctor` reads the same table",
            )
    return Resolved(
        python=read.python,
        cuda=(cuda or read.pairing.cuda) if build.gpu else "",
        cudnn=(cudnn or read.pairing.cudnn) if build.gpu else "",
        cog=versions.get("cog", ""),
        frameworks={name: versions.get(name, "") for name in read.pairing.frameworks or {}},
        packages=versions,
        lock=lock.digest,
        notes=read.notes,
    )


def _notes(config: Config, written: str, python: str, pairing: Pairing) -> list[str]:
    found = []
    if written != python:
        found.append(f"Python {written} is asked for: the image has the {python} of its operating system")
    if not config.build.gpu and (config.build.cuda or config.build.cudnn):
        found.append("cuda and cudnn mean nothing without gpu: true")
    if config.build.python_packages and config.build.python_requirements:
        found.append("python_packages and python_requirements are both there: they are taken together")
    found += [f"{what} is not in {PATH}: what it goes with is not known" for what in pairing.unknown]
    return found


def _line(where: str) -> int:
    last = where.rpartition(":")[2]
    return int(last) if last.isdigit() else 0
