"""Trees of files that need no daemon."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.images.buildkit.llb.failures import BuildKitError


@dataclass(frozen=True)
class Name:
    path: str


@dataclass(frozen=True)
class Files:
    """Files by path; what is not there is answered as BuildKit does."""

    files: Mapping[str, str]

    def read_file(self, path: str) -> bytes:
        if path not in self.files:
            raise BuildKitError("the BuildKit refused", detail=f"open {path}: no such file or directory")
        return self.files[path].encode()

    def read_dir(self, path: str) -> list[Name]:
        inside = {file[len(path) + 1 :].partition("/")[0] for file in self.files if file.startswith(f"{path}/")}
        if not inside:
            raise BuildKitError("the BuildKit refused", detail=f"open {path}: no such file or directory")
        return [Name(posixpath.basename(name)) for name in inside]


SITE = "/opt/app-root/lib/python3.11/site-packages"
BOOKWORM = Files(
    {
        "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian 12"\nodd\n',
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndefault:x:1001:0::/opt:/bin/sh\nbroken\n",
        "/etc/group": "root:x:0:\n",
        "/opt/app-root/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\n",
        f"{SITE}/numpy-2.4.6.dist-info/METADATA": "",
        f"{SITE}/Typing_Extensions-4.16.0.dist-info/METADATA": "",
        f"{SITE}/numpy/__init__.py": "",
        "/var/lib/dpkg/status": (
            "Package: jq\nStatus: install ok installed\nVersion: 1.6-2\nDescription: tool\n with: lines\n\n"
            "Package: libjq1\nStatus: install ok installed\nVersion: 1.6-2\n\n"
            "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
        ),
        "/var/lib/apt/extended_states": "Package: libjq1\nArchitecture: amd64\nAuto-Installed: 1\n",
        "/usr/bin/jq": "",
        "/opt/app-root/bin/pip": "",
        "/opt/app-root/bin/uv": "",
    }
)
