"""Lists the packages of an image. `installed` passes this file to the image's Python; it prints JSON.

Nothing is judged here, and only the standard library is used.
"""

import glob
import json
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PackageMetadata, distributions

_DPKG = "${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\n"
# From an archive, and from npm.
_EXTENSIONS = [f"/opt/*/{path}lib/vscode/extensions/*/package.json" for path in ("", "node_modules/*/")]
_RPM = "%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{LICENSE}\n"


def python_packages(folders: list[str]) -> list[dict[str, str]]:
    """Return what is installed on the path of this Python and in `folders`."""
    return [_one(found) for found in distributions(path=[*sys.path, *folders])]


def _one(found: Distribution) -> dict[str, str]:
    metadata = found.metadata
    return {"name": _field(metadata, "Name"), "version": found.version, "licence": _licence(metadata)}


def _field(metadata: PackageMetadata, name: str) -> str:
    # From Python 3.12 on it is deprecated to index a field that is not there.
    return metadata[name] if name in metadata else ""  # noqa: SIM401 - the type has no `get`


def _licence(metadata: PackageMetadata) -> str:
    """Return the shortest form of the licence that the package declares, "" for none."""
    declared = [_field(metadata, "License-Expression"), _field(metadata, "License")]
    classed = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")]
    declared += [text.rpartition(":: ")[2] for text in classed]
    return next((text for text in declared if text and "\n" not in text and len(text) < 100), "")


def os_packages() -> dict[str, list[list[str]]]:
    """Return the packages of the operating system by the kind of its packages."""
    commands = {"deb": ["dpkg-query", "--show", f"--showformat={_DPKG}"], "rpm": ["rpm", "-qa", "--qf", _RPM]}
    found = {}
    for kind, command in commands.items():
        if shutil.which(command[0]):
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found[kind] = [line.split("\t") for line in output.splitlines() if line]
    return found


def extensions() -> list[dict[str, str]]:
    """Return the extensions that are built into a server of VS Code, but for VS Code's own: those have its version."""
    found = []
    for path in (path for pattern in _EXTENSIONS for path in sorted(glob.glob(pattern))):
        try:
            with open(path, encoding="utf-8") as file:
                manifest = json.load(file)
            one = {key: str(manifest[key]) for key in ("publisher", "name", "version")}
        except (OSError, ValueError, KeyError, TypeError):
            continue
        licence = manifest.get("license")
        if one["publisher"] != "vscode":
            found.append({**one, "licence": licence if isinstance(licence, str) else ""})
    return found


def os_release() -> dict[str, str]:
    """Return the settings of /etc/os-release."""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            pairs = [line.rstrip("\n").partition("=") for line in file if "=" in line]
    except OSError:
        return {}
    return {key: value.strip("\"'") for key, _, value in pairs}


if __name__ == "__main__":
    packages = {"python": python_packages(sys.argv[1:]), "os": os_packages()}
    packages |= {"extensions": extensions(), "release": os_release()}
    print(json.dumps(packages))
