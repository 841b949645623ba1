"""Models on a prefix of tiny packages: what they request, and running them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.monobase.wheels import MINOR, Index

COGS = ("1.0", "2.0")
HOOK = "import sys; sys.hooked = True\n"


def index_in(folder: Path) -> Index:
    """Wheels of two cogs and what they need, and of what generations and users request."""
    index = Index(folder)
    for version in ("1.0", "2.0"):
        index.add("schema", version)
    index.add("cog", "1.0", needs=["schema<2"])
    index.add("cog", "2.0", needs=["schema>=2"])
    # A package with a command, and with what an editable install leaves: a folder and a line of code.
    files = {"tool/__init__.py": "def main(): print('tool runs')\n", "tool.pth": f"beside\n{HOOK}"}
    index.add("tool", files={**files, "beside/editable.py": "HERE = True\n"}, commands="tool = tool:main")
    index.add("model", "1.0", needs=["schema>=2"])
    index.add("extra", "1.0", needs=["tool"])
    return index


# Not os.defpath, /bin:/usr/bin: Debian's /etc/zsh/zshenv puts a longer one in that one's place.
SEARCH = "/usr/bin:/bin"


def offline(index: Index | Path) -> dict[str, str]:
    folder = index.folder if isinstance(index, Index) else index
    # An index of nothing stands in for the package index, so that it is never queried.
    (folder / "simple").mkdir(exist_ok=True)
    return {"UV_FIND_LINKS": str(folder), "UV_DEFAULT_INDEX": f"file://{folder}/simple"}


def variables(prefix: Path, cache: Path, **more: str) -> dict[str, str]:
    ours = {
        "MONOBASE_PREFIX": str(prefix),
        "MONOBASE_CACHE": str(cache),
        "PATH": SEARCH,
        "R8_PYTHON_VERSION": MINOR,
    }
    return {**ours, **more}


def run(prefix: Path, cache: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command by the prefix's exec.sh."""
    given = variables(prefix, cache, **more)
    return subprocess.run(
        [f"{prefix}/bin/exec.sh", *command], capture_output=True, text=True, env=given, cwd=prefix, check=False
    )


def user(prefix: Path, wheels: Path, cache: Path, lines: str, **more: str) -> tuple[Path, dict[str, str]]:
    """Write a requirements file; return it and the variables to install it with."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "requirements.txt").write_text(lines)
    return cache / "requirements.txt", {**variables(prefix, cache, MONOBASE_STACK="plain", **more)}
