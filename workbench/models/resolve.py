"""From a folder with a cog.yaml to its packages and versions: all faults, or everything resolved."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.version import Version

from workbench.catalog.compatibility import PATH, CompatibilityTable
from workbench.catalog.faults import Faults
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.models.config import FILE, CogConfig
from workbench.models.load import no_effect, read_config
from workbench.models.lock import ModelLock
from workbench.models.model import Resolved
from workbench.models.openapi import NOTHING_READ, Reading, read_code
from workbench.models.pairing import Pairing, is_near, pair, short
from workbench.models.requirements import applies, read_files
from workbench.models.rules import NEWEST_SDK
from workbench.models.sources import ignored
from workbench.packages import normalized_name


@dataclass(frozen=True, slots=True)
class ParsedModel:
    """A cog.yaml without faults, the model's Python ("3.11"), its requirements and what goes with them.

    Requirements whose markers are for another Python or platform are not among them. `overrides` replace those of
    packages, `options` say where packages are looked for; `reading` is what the code says.
    """

    folder: str
    config: CogConfig
    python: str
    requirements: tuple[str, ...]
    pairing: Pairing
    notes: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    reading: Reading = NOTHING_READ
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def parse_model(folder: str, pairs: CompatibilityTable, default_python: str) -> ParsedModel:
    """Return the configuration and requirements of the model in `folder`; nothing is fetched.

    Raises FaultsError with every fault of cog.yaml, of the files it names and of the versions it combines.
    """
    if not pairs.cog:
        raise WorkbenchError(
            "there is no [cog]: which server models get", where=PATH, hint="docs/models.md says what it holds"
        )
    faults = Faults()
    path = os.path.join(folder, FILE)
    config = read_config(folder, faults)
    written = config.build.python_version or default_python
    python = short(written)
    build = config.build
    read = read_files(folder, build.python_packages, build.python_requirements, faults)
    overrides = tuple(read_files(folder, (), build.python_overrides, faults).lines)
    requirements = tuple(text for text in read.lines if applies(text, python))
    too_old = [text for text in requirements if _is_old_server(text, pairs)]
    requirements = tuple(text for text in requirements if text not in too_old)
    if not config.predict and not any(key in config.lines for key in ("predict", "run", "train")):
        faults.add(path, "predict is missing: name the class or function of a prediction, such as predict.py:Predictor")
    roots = config.environment.get("PYTHONPATH", "").split(":")
    reading = read_code(folder, config.predict, config.train, roots, python)
    for where, message in reading.faults:
        faults.add(where or f"{path}:{config.line(message.partition(':')[0])}", message)
    if config.concurrency > 1 and reading.predict and reading.predict.function and not reading.predict.is_async:
        complaint = f"{reading.predict.name} is not async: the server runs one prediction of it at a time"
        faults.add(f"{path}:{config.line('concurrency.max')}", complaint)
    if python not in pairs.cog_pythons and not config.build.sdk_version:
        complaint = f"cog {pairs.cog} is for Python {', '.join(pairs.cog_pythons)}, not {python}"
        faults.add(f"{path}:{config.line('build.python_version')}", complaint)
    named = config.build.sdk_version
    if named not in ("", NEWEST_SDK) and pairs.cog_first and Version(named) < Version(pairs.cog_first):
        complaint = f"cog {named} cannot be named: {pairs.cog_first} is the first that can"
        faults.add(f"{path}:{config.line('build.sdk_version')}", complaint)
    if config.traces_config and not os.path.isfile(os.path.join(folder, config.traces_config)):
        faults.add(f"{path}:{config.line('observability.config')}", f"there is no {config.traces_config}")
    with faults:
        ignored(folder)
    pairing = Pairing(())
    try:
        pairing = pair(requirements, python, config.build.gpu, config.build.cuda, config.build.cudnn, pairs)
    except WorkbenchError as error:
        keys = ("build.cuda", "build.cudnn", "build.python_packages", "build.python_requirements")
        key = next((key for key in keys if key in config.lines), "build")
        faults.add(f"{path}:{config.line(key)}", f"{error.message} ({error.hint})" if error.hint else error.message)
    raise_all(folder, faults)
    notes = tuple(_notes(config, written, python, pairing))
    server = config.build.sdk_version or pairs.cog
    notes += tuple(f"{text} is older than the first server that can be named: it is {server}" for text in too_old)
    notes = (*notes, *reading.notes)
    constraints, options = tuple(read.constraints), tuple(read.options)
    return ParsedModel(folder, config, python, requirements, pairing, notes, overrides, reading, constraints, options)


def raise_all(folder: str, faults: Faults) -> None:
    """Raise FaultsError with the faults, if there are any."""
    if faults.found:
        count = len(faults.found)
        # By file, and by line within it.
        found = sorted(set(faults.found), key=lambda fault: (fault[0].rpartition(":")[0], _line(fault[0]), fault[1]))
        message = f"{folder} has {count} fault{'' if count == 1 else 's'}"
        raise FaultsError(message, found, hint=f"fix them and run `{here(f'model check {shlex.quote(folder)}')}`")


def resolve_versions(model: ParsedModel, lock: ModelLock, pairs: CompatibilityTable) -> Resolved:
    """Return the versions that the model gets. Raises WorkbenchError when the lock's CUDA is not the requested one."""
    versions = lock.versions
    cuda = next((versions[name] for name in pairs.cuda_wheels if name in versions), "")
    cudnn = next((versions[name] for name in pairs.cudnn_wheels if name in versions), "")
    build = model.config.build
    notes = [f"{name} has no wheel: it is built from its source in the image" for name in lock.sources]
    notes += [
        f"{name} could not be built here: name what it needs in the requirements yourself" for name in lock.unread
    ]
    for what, requested, got in (("CUDA", build.cuda, cuda), ("cuDNN", build.cudnn, cudnn)):
        parts = requested.split(".")[:2]
        if not build.gpu or not requested or not got or got.split(".")[: len(parts)] == parts:
            continue
        if what == "cuDNN":
            notes.append(f"cog.yaml names cuDNN {requested}: the packages bring {got}, which they are built for")
        elif is_near(got, requested):
            notes.append(f"cog.yaml names CUDA {requested}: the packages bring {short(got)}, {_driver(got, pairs)}")
        else:
            raise WorkbenchError(
                f"the packages bring {what} {got}, and cog.yaml requests {requested}",
                where=f"{os.path.join(model.folder, FILE)}:{model.config.line(f'build.{what.lower()}')}",
                hint=f"leave it out, or take a framework that brings it: `{here('doctor')}` reads the same table",
            )
    return Resolved(
        python=model.python,
        cuda=(cuda or model.pairing.cuda) if build.gpu else "",
        cudnn=(cudnn or model.pairing.cudnn) if build.gpu else "",
        cog=versions.get("cog", ""),
        frameworks={name: versions.get(name, "") for name in model.pairing.frameworks or {}},
        packages=versions,
        lock=lock.digest,
        notes=(*model.notes, *notes),
    )


def _driver(cuda: str, pairs: CompatibilityTable) -> str:
    least = pairs.drivers.get(cuda.partition(".")[0], "")
    return f"which NVIDIA's drivers from {least} on run" if least else "and which drivers run that is not known"


def _is_old_server(text: str, pairs: CompatibilityTable) -> bool:
    """Return whether a requirement is one of a server before the first that can be named.

    cog leaves servers among the requirements out, whatever their version (`filterManagedPackages` of its
    `pkg/dockerfile/standard_generator.go`, seen 2026-11-30); such an old one has no version that knows our variables.
    """
    requirement = Requirement(text)
    if normalized_name(requirement.name) != "cog" or requirement.url is not None or not pairs.cog_first:
        return False
    first, allowed = Version(pairs.cog_first), requirement.specifier
    named = [Version(part.version.removesuffix(".*")) for part in allowed if part.operator != "==="]
    return not (
        allowed.contains(first) or allowed.contains(pairs.cog, prereleases=True) or any(one > first for one in named)
    )


def _notes(config: CogConfig, written: str, python: str, pairing: Pairing) -> list[str]:
    found = []
    if written != python:
        found.append(f"Python {written} is requested: the image has the {python} of its operating system")
    if not config.build.gpu and (config.build.cuda or config.build.cudnn):
        found.append("cuda and cudnn have no effect without gpu: true")
    if config.build.python_packages and config.build.python_requirements:
        found.append("python_packages and python_requirements are both given: they are taken together")
    found += no_effect(config)
    for each in config.weights:
        where = f"mount them at {each.target or 'the path that the code reads'} when the model is started"
        found.append(f"the weights {each.name or each.sources[0]} are not put into the image: {where}")
    found += [f"{what} is not in {PATH}: what it goes with is not known" for what in pairing.unknown]
    return found


def _line(where: str) -> int:
    last = where.rpartition(":")[2]
    return int(last) if last.isdigit() else 0
