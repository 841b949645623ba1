"""Validating generations, and releasing one: from then on its digest may not move."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog.compatibility import CompatibilityTable
from workbench.catalog.faults import Faults
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.files import replace_text
from workbench.monobase.builds import TorchBuilds, read_builds
from workbench.monobase.generation import Generation, load, lock_name, resolved
from workbench.monobase.locking import unmet
from workbench.monobase.matrix import matrix_of
from workbench.monobase.resolving import versions
from workbench.monobase.spec import FOLDER, GenerationSpec, read_spec, spec_names


@dataclass(frozen=True, slots=True)
class ValidGeneration:
    """A valid generation: its digest, its environments, the day of its release ("" before that), what has no lock."""

    name: str
    digest: str
    environments: tuple[str, ...]
    released: str
    unlocked: tuple[str, ...] = ()


def validate(folder: Path, pairs: CompatibilityTable) -> list[ValidGeneration]:
    """Return every generation of the data `folder`, oldest first.

    Raises FaultsError with all that is wrong: a number left out, a released one that changed, a lock
    without hashes or without what the generation pins, and, for one that is not released, a matrix
    that differs from what the table of what goes with what gives today.
    """
    faults, found = Faults(), list[ValidGeneration]()
    builds = read_builds(folder)
    names = spec_names(folder)
    for name in names:
        with faults:
            spec = read_spec(folder, name)
            generation = load(folder, name)
            for where, message in _faults(spec, generation, pairs, builds):
                faults.add(where, message)
            listed = tuple(lock_name(one.name, one.platform) for one in generation.every)
            unlocked = tuple(lock_name(one.name, one.platform) for one in generation.unlocked)
            found.append(ValidGeneration(name, generation.digest, listed, spec.released, unlocked))
    ids = [valid.name for valid in found]
    if len(found) == len(names) and ids and int(ids[-1][1:]) - int(ids[0][1:]) != len(ids) - 1:
        faults.add(FOLDER, f"a number is left out between {ids[0]} and {ids[-1]}")
    if not names:
        faults.add(str(folder), "there is no generation")
    faults.raise_if_any(folder.name)
    return found


def release(folder: Path, name: str, day: str) -> Generation:
    """Write the day and the digest of `name` into its file, and return the generation.

    Raises WorkbenchError when it is released already or not resolved.
    """
    spec = read_spec(folder, name)
    if spec.is_released:
        raise WorkbenchError(f"{name} was released on {spec.released}", hint="add a new generation instead")
    generation = resolved(folder, spec)
    path = folder / FOLDER / f"{name}.toml"
    lines = f'released = "{day}"\ndigest = "{generation.digest}"\n'
    replace_text(str(path), re.sub(r"(?m)^(id = [0-9]+.*\n)", lambda line: line[1] + lines, path.read_text(), count=1))
    return load(folder, name)


def _faults(
    spec: GenerationSpec, generation: Generation, pairs: CompatibilityTable, builds: Sequence[TorchBuilds]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the matrix and the locks."""
    where = f"requirements/{spec.name}"
    if not spec.is_released:
        written = {lock_name(one.name, one.platform) for one in generation.every}
        written |= {lock_name(one.name, one.platform) for one in generation.unlocked}
        current = {lock_name(one.name, one.platform) for one in matrix_of(spec, pairs, builds).environments}
        for name in sorted(written ^ current):
            difference = "is in the matrix and no longer should be" if name in written else "is not in the matrix"
            yield where, f"{name} {difference}: run `{here('monobase update')}`"
    for environment in generation.every:
        pinned = versions(environment.requirements)
        expected = [*spec.packages, *spec.stacks.get(environment.stack, ())]
        if environment.torch:
            expected.append(f"torch=={environment.torch}")
        label = lock_name(environment.name, environment.platform)
        for text, version in unmet(pinned, expected):
            yield f"{where}/{label}.txt", f"has {version or 'none'} where {spec.name} pins {text}"
