"""What is requested of a build: an image's names, its Containerfile, and what goes into it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.stages import Stage, bases, check_qualified, stages
from workbench.indexes import address_of


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """An image to build.

    `names` are the full names it gets, the first being the one it is known by; `folder` holds what
    its Containerfile copies; `text` is the Containerfile; `options` go to the engine as they are;
    `ca_bundle` is a file of certificates to trust while building, "" for the image's own; `secrets`
    are files by the id under which a step may mount them (`--mount=type=secret`), during the build
    only; `agents` are the sockets of ssh agents by the id under which a step may mount them (`--mount=type=ssh`);
    `indexes` are the variables whose values, addresses of package indexes, are such secrets too; `siblings` are
    images whose layers may be taken over where they are what a step would make.
    """

    names: tuple[str, ...]
    folder: str
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    ca_bundle: str = ""
    cache: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)
    indexes: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag of the name that the image is known by."""
        return self.names[0].rpartition(":")[2]

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of the Containerfile; raises WorkbenchError, with its line, when it cannot be read."""
        return stages(self.text, self.arguments, file=os.path.join(self.folder, CONTAINERFILE))

    def moved(self, repository: str) -> BuildRequest:
        """Return the request of the same image by its first name, as it is called in another `repository`.

        Local images that it stands on are there too.
        """
        arguments = {name: _moved(value, repository) for name, value in self.arguments.items()}
        return replace(self, names=(_moved(self.names[0], repository),), arguments=arguments)

    def check_indexes(self) -> None:
        """Raise WorkbenchError for a package index that the build needs and whose variable is not set."""
        for variable in self.indexes:
            address_of(variable, self.folder)

    def check_bases(self) -> None:
        """Raise WorkbenchError when a stage that is built stands on an image that does not name its registry."""
        for image in bases(self.stages()):
            check_qualified(image, f"FROM {image}", where=self.folder)


def _moved(name: str, repository: str) -> str:
    local = f"{LOCAL_REPOSITORY}:"
    return f"{repository}:{name.removeprefix(local)}" if name.startswith(local) else name
