"""Further package indexes: a requirement list names one by a variable, so that no address gets into what is kept.

pip fills in `${NAME}` from its environment (pip 26.0, "Requirements File Format": capital letters, digits and `_`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from workbench.errors import WorkbenchError

# The variable of the index that pip uses anyway: it is in no list.
MAIN = "PIP_INDEX_URL"
_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_LINE = re.compile(r"^[ \t]*(?:--extra-index-url|--index-url|-i)[ \t=]*\$\{([A-Z][A-Z0-9_]*)\}[ \t\r]*$", re.MULTILINE)


def variable_of(url: str) -> str:
    """Return the variable that is all of the address `url`, "" for an address."""
    match = _REFERENCE.fullmatch(url)
    return match[1] if match else ""


def further_variables(pipfile: str) -> tuple[str, ...]:
    """Return the variables that the text of a Pipfile names its package indexes by, but for that of pip's own."""
    return tuple(dict.fromkeys(name for name in _REFERENCE.findall(pipfile) if name != MAIN))


def index_line(variable: str, *, instead: bool = False) -> str:
    """Return the line of a list that adds the index of a variable, or `instead` takes it in place of pip's own."""
    return f"{'--index-url' if instead else '--extra-index-url'} ${{{variable}}}"


def index_variables(text: str) -> tuple[str, ...]:
    """Return the variables that the index lines of a requirement list name, each once and in order."""
    # Most lists name none, and have thousands of lines.
    return tuple(dict.fromkeys(_LINE.findall(text))) if "${" in text else ()


def address_of(variable: str, needed_by: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of an index by its variable; raises WorkbenchError, with who needs it, when it is not set."""
    if address := environ.get(variable, "").strip():
        return address
    raise WorkbenchError(
        f"takes packages from the index ${{{variable}}}, and {variable} is not set",
        where=needed_by,
        hint=f"export {variable}=ADDRESS, that of the package index",
    )
