"""What a model asks for of Python packages: from cog.yaml and the requirements file that it names."""

from __future__ import annotations

import os
import re

from workbench.catalog.faults import Faults
from workbench.models import rules
from workbench.models.config import Config

# An address to fetch from is the site's business, and may hold a password: uv and pip take it from the environment.
_OPTION = "an option has no place here: name another index in UV_INDEX (for locking) and PIP_EXTRA_INDEX_URL (to build)"


def asked(folder: str, config: Config, faults: Faults) -> tuple[str, ...]:
    """Return the requirements of the model in `folder`, those of its file after those of cog.yaml.

    What is wrong with the file goes to `faults`, with its line.
    """
    name = config.build.python_requirements
    found = [*config.build.python_packages, *(_in_file(os.path.join(folder, name), faults) if name else ())]
    return tuple(dict.fromkeys(found))


def _in_file(path: str, faults: Faults) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        faults.add(path, f"the requirements cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
        return []
    found = []
    joined, first = "", 0
    for number, line in enumerate(lines, 1):
        first = first if joined else number
        text = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if text.endswith("\\"):
            joined += text[:-1] + " "
            continue
        whole, joined = (joined + text).strip(), ""
        # The hashes of a list that is locked already: locking finds them again.
        whole = re.sub(r"\s--hash[=\s]\S+", "", whole).strip()
        if not whole:
            continue
        complaint = _OPTION if whole.startswith("-") else rules.python_package(whole)
        if complaint:
            faults.add(f"{path}:{first}", complaint)
        else:
            found.append(whole)
    return found
