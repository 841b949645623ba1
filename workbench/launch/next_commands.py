"""What to do with an image that was built: the commands that run it, stop it and remove it, as they can be typed."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass

from workbench.commands import here
from workbench.images.store import ImageInfo
from workbench.images.validate import HOME
from workbench.launch.names import container_name, workbench_name
from workbench.launch.workbenches import PORT


@dataclass(frozen=True, slots=True)
class NextCommands:
    """The commands for one image, each "" where there is nothing to do.

    `address` shows where it is open, and `remove` keeps the files and the image.
    """

    run: str
    address: str = ""
    stop: str = ""
    remove: str = ""
    remove_image: str = ""

    def as_data(self) -> dict[str, str]:
        """Return the commands as `--json` prints them."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the commands as text, a line each."""
        named = {
            "run it": self.run,
            "its address": self.address,
            "stop it": self.stop,
            "remove it": self.remove,
            "its image too": self.remove_image,
        }
        return [f"  {name:<13}  {command}" for name, command in named.items() if command]


def next_commands(image: str, tag: str, info: ImageInfo | None, *, engine: str) -> NextCommands:
    """Return the commands for the `image` of a recipe's `tag`, of which a store knows `info`.

    `engine` is the program whose store has it: podman runs it as a workbench; Docker's containers are no workbenches
    of ours, and its own commands run them, with a volume for the files.
    """
    name, word = workbench_name(tag), shlex.quote(image)
    image_gone = f"{engine} rmi {word}"
    if info is not None and f"{PORT}/tcp" not in (info.config.get("ExposedPorts") or {}):
        return NextCommands(f"{engine} run --rm -it {word} bash", remove_image=image_gone)
    if engine == "podman":
        removed = here(f"stop --remove {name}")
        return NextCommands(here(f"run {tag}"), here("ps"), here(f"stop {name}"), removed, image_gone)
    # The image makes a token of its own, and its log has the address with it.
    container = container_name(name)
    run = f"docker run --detach --name {container} --publish 127.0.0.1:{PORT}:{PORT} --volume {container}:{HOME} {word}"
    return NextCommands(
        run, f"docker logs {container}", f"docker stop {container}", f"docker rm --force {container}", image_gone
    )
